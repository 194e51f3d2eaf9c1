"""Training the autoencoder: on the window and its rehearsal, in equal parts.

Axes: B images of a batch, W of the window, R rehearsed, C = 3, S = input size, L latent width, V words.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from learner.model.contract import TrainingBatch, TrainingReport
from learner.model.encoders.network import Autoencoder
from learner.settings import AutoencoderSettings

_DECAY = 0.9  # of the learning rate, for each epoch; as published


def train(
    start: Autoencoder, batch: TrainingBatch, settings: AutoencoderSettings, generator: torch.Generator
) -> tuple[Autoencoder, TrainingReport]:
    """Train on the squared reconstruction error; rehearsed images are also held to the latents that they had.

    Without the second term the latents drift and the clusters' statistics become wrong (Li and Hoiem, "Learning without
    Forgetting", 2016, on features): ACC on digits falls from 0.93 to 0.20. Where the labeller gave words, a linear head
    that exists during the training alone predicts them from the latents, so that these words lie apart there.

    Returns
    -------
    The network, and what its training cost.
    """
    network = copy.deepcopy(start).train()
    head = _Head(batch.words_N, network.latent_width, settings.word_strength)
    optimiser = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, _DECAY)
    images_NCSS = torch.cat([batch.window_WCSS, batch.past_RCSS])
    held = _Held(batch, settings.stability)
    loss = torch.zeros(())
    for _ in range(settings.epochs):
        for rows_B in torch.split(torch.randperm(len(images_NCSS), generator=generator), settings.batch_images):
            latents_BL = network.encode(images_NCSS[rows_B])
            loss = functional.mse_loss(network.decode(latents_BL), images_NCSS[rows_B])
            loss = head.added(held.added(loss, latents_BL, rows_B), latents_BL, rows_B)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        schedule.step()
    return network.eval(), TrainingReport(float(loss.detach()), len(images_NCSS) * settings.epochs)


class _Held:
    """The rehearsed images' latents, held where they were."""

    def __init__(self, batch: TrainingBatch, stability: float) -> None:
        self._before_RL, self._window = batch.before_RL, len(batch.window_WCSS)
        known = len(batch.before_RL)
        self._strength = stability / float(batch.before_RL.var().clamp_min(1e-12)) if known else 0.0

    def added(self, loss: Tensor, latents_BL: Tensor, batch_B: Tensor) -> Tensor:
        """Return the loss with that of a batch's rehearsed images."""
        past_B = batch_B >= self._window
        if not bool(past_B.any()):
            return loss
        moved_RL = latents_BL[past_B] - self._before_RL[batch_B[past_B] - self._window]
        return loss + self._strength * moved_RL.square().mean() * past_B.double().mean()


class _Head(nn.Module):
    """Tells words from latents, linearly; from zero, so that nothing is drawn."""

    def __init__(self, words_N: Tensor, width: int, strength: float) -> None:
        super().__init__()
        vocabulary = int(words_N.max()) + 1 if len(words_N) else 0
        self._words_N, self._strength = words_N, strength
        self.weights_VL = nn.Parameter(torch.zeros(vocabulary, width))
        self.bias_V = nn.Parameter(torch.zeros(vocabulary))

    def added(self, loss: Tensor, latents_BL: Tensor, batch_B: Tensor) -> Tensor:
        """Return the loss with the cross-entropy of a batch's words, as large as its share of images with a word."""
        words_B = self._words_N[batch_B]
        spoken_B = words_B >= 0
        if not self._strength or not bool(spoken_B.any()):
            return loss
        guessed_BV = functional.linear(latents_BL[spoken_B], self.weights_VL, self.bias_V)
        wrong = functional.cross_entropy(guessed_BV, words_B[spoken_B])
        return loss + self._strength * wrong * spoken_B.float().mean()
