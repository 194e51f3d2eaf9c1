"""Recall: latents drawn from the mixture, decoded into images that look like the past. It needs no teacher.

Axes: N images, C = 3 channels, S = input size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from learner.model.clusters.knowledge import Knowledge
from learner.model.encoders.autoencoder import in_batches


@dataclass(frozen=True)
class Recalled:
    """Synthetic images and the slot each was drawn from: labels that the learner gives itself."""

    images_NCSS: Tensor
    slots_N: Tensor


def recall(knowledge: Knowledge, count: int, temperature: float, generator: torch.Generator) -> Recalled:
    """Decode ``count`` images, equally many from each live cluster; none before the first update."""
    live = torch.nonzero(knowledge.mixture.live_K).flatten()
    if knowledge.projection is None or not count:
        size = knowledge.network.input_size
        return Recalled(torch.zeros(0, 3, size, size), torch.zeros(0, dtype=torch.int64))
    slots_N = live[torch.arange(count) % len(live)]
    latents_NL = knowledge.projection.backward(knowledge.mixture.sample(slots_N, temperature, generator))
    return Recalled(in_batches(knowledge.network.decode, latents_NL), slots_N)
