"""Typical exemplars: a few real images of each cluster, those nearest to its z_max (stage B of R2R, arXiv 2505.04787).

The only real images that are kept: bounded, and none where the setting says so.

Axes: N images, K slots, E exemplars of a cluster, C = 3 channels, S = input size.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from learner.model.contract import Model, score_images
from learner.part import Saved
from learner.settings import LearnerSettings

_IS_MODE = 1e-9  # a squared distance in whitened coordinates: z_max itself, where the window holds it


@dataclass(frozen=True)
class Exemplars:
    """By cluster id: uint8 images [E, 3, S, S], nearest to z_max first."""

    by_cluster: Mapping[int, Tensor] = field(default_factory=dict)

    def renewed(self, model: Model, window_NCSS: Tensor, most: int) -> Self:
        """Choose anew for each cluster with as many members in the window as it has exemplars; others keep theirs.

        Fewer members are strays: the cluster's class is absent, and what they show is another's. As published, z_max
        itself is left out, where a cluster has more than ``most`` members.
        """
        if not most:
            return type(self)()
        scores = score_images(model, window_NCSS)
        chosen: dict[int, Tensor] = {}
        for slot, cluster in _live(model.ids_K):
            members = torch.nonzero(scores.slots_N == slot).flatten()
            kept = self.by_cluster.get(cluster, ())
            if len(members) >= max(1, len(kept)):
                chosen[cluster] = to_bytes_image(window_NCSS[_nearest(members, scores.dispersion_N[members], most)])
            elif cluster in self.by_cluster:
                chosen[cluster] = self.by_cluster[cluster]
        return type(self)(chosen)

    def save(self) -> Saved:
        """See `Part.save`: images [N, 3, S, S] of all clusters one after the other, and how many each has."""
        own = [(cluster, images) for cluster, images in sorted(self.by_cluster.items()) if len(images)]
        if not own:
            return Saved({"counts": []})
        counts = [[cluster, len(images)] for cluster, images in own]
        return Saved({"counts": counts}, {"images_NCSS": torch.cat([images for _, images in own])})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`; the nearest ``settings.exemplars`` of each cluster."""
        counts = saved.values["counts"]
        if not counts or not settings.exemplars:
            return cls()
        parts = torch.split(saved.tensors["images_NCSS"], [count for _, count in counts])
        most = settings.exemplars
        return cls({cluster: own[:most].clone() for (cluster, _), own in zip(counts, parts, strict=True)})


def to_bytes_image(images_NCSS: Tensor) -> Tensor:
    """Return images of [0, 1] as uint8, rounded."""
    return (images_NCSS * 255.0).round().clamp(0, 255).to(torch.uint8)


def _live(ids_K: Tensor) -> list[tuple[int, int]]:
    return [(slot, cluster) for slot, cluster in enumerate(ids_K.tolist()) if cluster >= 0]


def _nearest(members: Tensor, dispersion_N: Tensor, most: int) -> Tensor:
    nearest = torch.argsort(dispersion_N, stable=True)
    if len(members) > most and float(dispersion_N[nearest[0]]) <= _IS_MODE:
        nearest = nearest[1:]
    return members[nearest[:most]]
