"""Stage A's encoder: the convolutional autoencoder with batch norm, 3→128→64→32.

Axes: N images (W of the window, R synthetic), B of a batch, C = 3 channels, S = input size, L latent width (512 for 32
channels at the end).
"""

import copy
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from learner.model.contract import TrainingBatch, TrainingReport
from learner.model.encoders.autoencoder import NetworkEncoder, ServedNetwork, load_network
from learner.model.encoders.network import Autoencoder, seeded
from learner.model.preprocessing import Preprocessing
from learner.part import Saved
from learner.settings import LearnerSettings, PaperSettings

_DECAY = 0.9  # of the learning rate, for each epoch; as published


class FrontierModel(Autoencoder):
    """The `Autoencoder` as published: batch norm in place of each group norm.

    Examples
    --------
    >>> FrontierModel((128, 64, 32), 32).latent_width
    512
    """

    def __init__(self, channels: tuple[int, int, int], input_size: int) -> None:
        super().__init__(channels, input_size)
        for stage in (self.encoder, self.decoder_deep, self.decoder_middle):
            for place, module in enumerate(stage):
                if isinstance(module, nn.GroupNorm):
                    stage[place] = nn.BatchNorm2d(module.num_channels)


@dataclass(frozen=True)
class FrontierEncoder(NetworkEncoder):
    """The published method's `DecodingEncoder`."""

    settings: PaperSettings

    @classmethod
    def new(cls, settings: PaperSettings, seed: int) -> Self:
        """Return an untrained encoder whose weights depend on the seed alone."""
        network = seeded(seed, lambda: FrontierModel(settings.channels, settings.input_size))
        return cls(network, Preprocessing(settings.input_size, settings.aspect), settings)

    def learn(self, batch: TrainingBatch, generator: torch.Generator) -> tuple[Self, TrainingReport]:
        """Train a copy by the reconstruction error alone (stage D): words and earlier latents are not used."""
        network, report = train(self.network, batch.window_WCSS, batch.past_RCSS, self.settings, generator)
        return replace(self, network=network), report

    def served(self) -> nn.Module:
        """See `Encoder.served`; without decoder and without the norms' counts of batches, on which nothing depends."""
        network = copy.deepcopy(self.network)
        network.decoder_deep = network.decoder_middle = nn.Sequential()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.num_batches_tracked = None
        return ServedNetwork(network, self.preprocessing).eval()

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`."""
        own = settings.paper
        network = FrontierModel(own.channels, own.input_size)
        load_network(network, saved)
        return cls(network, Preprocessing(own.input_size, own.aspect), own)


def reconstruction_error(images_BCSS: Tensor, reconstructions_BCSS: Tensor) -> Tensor:
    """Stage A, the loss: mean of (x − x̂)² over batch, channels and pixels, a scalar."""
    return functional.mse_loss(reconstructions_BCSS, images_BCSS)


def balanced_batches(real: int, synthetic: int, batch: int, generator: torch.Generator) -> list[Tensor]:
    """Stage D, balanced proportion: batches of indices, half real (0 … W−1), half synthetic (W … W+R−1).

    One pass over the larger part; the smaller is shuffled anew as often as it runs out. Without synthetic images all
    of a batch is real.
    """
    if not synthetic:
        return list(torch.split(torch.randperm(real, generator=generator), batch))
    length = max(real, synthetic)
    real_halves = torch.split(_endless(real, length, generator), batch // 2)
    synthetic_halves = torch.split(_endless(synthetic, length, generator) + real, batch // 2)
    return [torch.cat(halves) for halves in zip(real_halves, synthetic_halves, strict=True)]


def train(
    start: Autoencoder,
    window_WCSS: Tensor,
    synthetic_RCSS: Tensor,
    settings: PaperSettings,
    generator: torch.Generator,
) -> tuple[Autoencoder, TrainingReport]:
    """Train a copy by the reconstruction error: Adam, its rate multiplied by 0.9 after each epoch, batches of 32."""
    network = copy.deepcopy(start).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, _DECAY)
    images_NCSS = torch.cat([window_WCSS, synthetic_RCSS]).contiguous(memory_format=torch.channels_last)
    loss, seen = torch.zeros(()), 0
    for _ in range(settings.epochs):
        batches = balanced_batches(len(window_WCSS), len(synthetic_RCSS), settings.batch_images, generator)
        for batch in batches:
            images_BCSS = images_NCSS[batch]
            loss = reconstruction_error(images_BCSS, network.decode(network.encode(images_BCSS)))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            seen += len(batch)
        schedule.step()
    return network.eval(), TrainingReport(float(loss.detach()), seen)


def _endless(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Return ``length`` of 0 … count−1, each round shuffled anew."""
    rounds = -(-length // count)
    return torch.cat([torch.randperm(count, generator=generator) for _ in range(rounds)])[:length]
