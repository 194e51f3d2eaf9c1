"""The encoder of the default method: a convolutional autoencoder that learns from scratch.

Axes: B images of a batch, N images, C = 3, S = input size, H × W pixels of the source, L latent width.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn

from learner.model.contract import TrainingBatch, TrainingReport
from learner.model.encoders.network import Autoencoder, in_batches, seeded
from learner.model.encoders.training import train
from learner.model.preprocessing import Preprocessing
from learner.part import Saved, prefixed
from learner.settings import AutoencoderSettings, LearnerSettings

_NETWORK = "network"


@dataclass(frozen=True)
class NetworkEncoder:
    """What the encoders around an `Autoencoder` have in common; its last ReLU gives no latent below zero."""

    network: Autoencoder
    preprocessing: Preprocessing

    least_latent = 0.0

    def embed(self, images_NCSS: Tensor) -> Tensor:
        """See `Encoder.embed`."""
        return in_batches(self.network.encode, images_NCSS)

    def decode(self, latents_NL: Tensor) -> Tensor:
        """See `DecodingEncoder.decode`."""
        return in_batches(self.network.decode, latents_NL)

    def served(self) -> nn.Module:
        """See `Encoder.served`."""
        return ServedNetwork(self.network, self.preprocessing).eval()

    def save(self) -> Saved:
        """See `Part.save`."""
        return Saved(tensors=dict(prefixed(_NETWORK, self.network.state_dict())))


@dataclass(frozen=True)
class AutoencoderEncoder(NetworkEncoder):
    """The default method's `DecodingEncoder`."""

    settings: AutoencoderSettings

    @classmethod
    def new(cls, settings: AutoencoderSettings, seed: int) -> Self:
        """Return an untrained encoder whose weights depend on the seed alone."""
        network = seeded(seed, lambda: Autoencoder(settings.channels, settings.input_size))
        return cls(network, Preprocessing(settings.input_size, settings.aspect), settings)

    def learn(self, batch: TrainingBatch, generator: torch.Generator) -> tuple[Self, TrainingReport]:
        """See `Encoder.learn`, `learner.model.encoders.training`."""
        network, report = train(self.network, batch, self.settings, generator)
        return replace(self, network=network), report

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`."""
        own = settings.autoencoder
        network = Autoencoder(own.channels, own.input_size)
        load_network(network, saved)
        return cls(network, Preprocessing(own.input_size, own.aspect), own)


def load_network(network: Autoencoder, saved: Saved) -> None:
    """Give a network the weights that `NetworkEncoder.save` described, ready to encode."""
    network.load_state_dict(saved.below(_NETWORK))
    network.eval()


class ServedNetwork(nn.Module):
    """Images as a client sends them to latents."""

    def __init__(self, network: Autoencoder, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network, self.preprocessing = network, preprocessing

    def forward(self, images_BHWC: Tensor) -> Tensor:
        """Return latents [B, L]."""
        return self.network.encode(self.preprocessing(images_BHWC))
