"""Rehearsal: recalled images, and in their place what replay has painted of the same clusters.

Axes: N images, C = 3 channels, S = input size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from learner.memory.replay_memory import GeneratedImage
from learner.model.clusters.knowledge import Knowledge
from learner.model.clusters.recall import Recalled, recall
from learner.model.learned import Learned
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class Generated:
    """Images in [0, 1] from the replay workers, and the slot of the cluster each was asked for."""

    images_NCSS: Tensor
    slots_N: Tensor

    @classmethod
    def nothing(cls, input_size: int) -> "Generated":
        """Return no images."""
        return cls(torch.zeros(0, 3, input_size, input_size), torch.zeros(0, dtype=torch.int64))


def generated_of(painted: Sequence[GeneratedImage], knowledge: Learned, settings: LearnerSettings) -> Generated:
    """Return images of live clusters as an update takes them."""
    if not painted:
        return Generated.nothing(settings.input_size)
    slots = {cluster: slot for slot, cluster in enumerate(knowledge.mixture.ids_K.tolist())}
    images_NCSS = torch.stack([one.image_CSS for one in painted]).float() / 255.0
    return Generated(images_NCSS, torch.tensor([slots[one.cluster] for one in painted]))


def rehearsed_images(window_frames: int, settings: LearnerSettings) -> int:
    """Return how many images are rehearsed beside a window: 1:1 by default."""
    return round(window_frames * settings.recall_ratio) if settings.recall else 0


def rehearse(
    knowledge: Knowledge, generated: Generated, count: int, settings: LearnerSettings, generator: torch.Generator
) -> Recalled:
    """Return ``count`` images of the past: recalled ones, of which generated ones replace as many of the same slot.

    What is generated beyond a slot's share is left out, so the balance of window and past, and that of the clusters,
    stay as they are without replay. Without generated images this is `recall`, bit for bit.
    """
    past = recall(knowledge, count, settings.recall_temperature, generator)
    return painted_over(past, generated, alone=settings.generated_alone)


def painted_over(past: Recalled, generated: Generated, *, alone: bool = False) -> Recalled:
    """Return the past with generated images in place of as many recalled ones of the same slot, or those ``alone``."""
    images_NCSS = past.images_NCSS.clone()
    painted_N = torch.zeros(len(past.slots_N), dtype=torch.bool)
    for slot in torch.unique(generated.slots_N).tolist():
        places = torch.nonzero(past.slots_N == slot).flatten()
        painted = generated.images_NCSS[generated.slots_N == slot][: len(places)]
        images_NCSS[places[: len(painted)]] = painted
        painted_N[places[: len(painted)]] = True
    kept_N = painted_N | (not alone)
    return Recalled(images_NCSS[kept_N], past.slots_N[kept_N])
