"""Typical exemplars: a few real images of each cluster, those nearest to its z_max (stage B of R2R, arXiv 2505.04787).

The only real images that are kept: bounded, and none where the setting says so.

Axes: N images, K slots, E exemplars of a cluster, C = 3 channels, S = input size.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from learner.model.learned import Learned

_IS_MODE = 1e-9  # a squared distance in whitened coordinates: z_max itself, where the window holds it


@dataclass(frozen=True)
class Exemplars:
    """By cluster id: uint8 images [E, 3, S, S], nearest to z_max first."""

    by_cluster: Mapping[int, Tensor] = field(default_factory=dict)

    def renewed(self, knowledge: Learned, window_NCSS: Tensor, most: int) -> "Exemplars":
        """Choose anew for each cluster with as many members in the window as it has exemplars; others keep theirs.

        Fewer members are strays: the cluster's class is absent, and what they show is another's. As published, z_max
        itself is left out, where a cluster has more than ``most`` members.
        """
        if not most:
            return Exemplars()
        scores = knowledge.score(window_NCSS)
        chosen: dict[int, Tensor] = {}
        for slot, cluster in _live(knowledge.mixture.ids_K):
            members = torch.nonzero(scores.slots_N == slot).flatten()
            kept = self.by_cluster.get(cluster, ())
            if len(members) >= max(1, len(kept)):
                chosen[cluster] = to_bytes_image(window_NCSS[_nearest(members, scores.dispersion_N[members], most)])
            elif cluster in self.by_cluster:
                chosen[cluster] = self.by_cluster[cluster]
        return Exemplars(chosen)

    def at_most(self, most: int) -> "Exemplars":
        """Return the nearest ``most`` of each cluster; none are kept where it is 0."""
        return Exemplars({cluster: images[:most] for cluster, images in self.by_cluster.items() if most})

    def to_tensors(self, ids_K: Tensor, most: int) -> dict[str, Tensor]:
        """Return images [K, E, 3, S, S] and how many there are in each slot: as large for one cluster as for all."""
        if not self.by_cluster:
            return {}
        size = next(iter(self.by_cluster.values())).shape[-1]
        images_KECSS = torch.zeros(len(ids_K), most, 3, size, size, dtype=torch.uint8)
        counts_K = torch.zeros(len(ids_K), dtype=torch.int64)
        for slot, cluster in _live(ids_K):
            own = self.by_cluster.get(cluster, images_KECSS[slot, :0])[:most]
            images_KECSS[slot, : len(own)] = own
            counts_K[slot] = len(own)
        return {"images_KECSS": images_KECSS, "counts_K": counts_K}

    @classmethod
    def from_tensors(cls, ids_K: Tensor, tensors: Mapping[str, Tensor]) -> "Exemplars":
        """Return what `to_tensors` described."""
        if not tensors:
            return cls()
        counts = tensors["counts_K"].tolist()
        images_KECSS = tensors["images_KECSS"]
        return cls({id_: images_KECSS[slot, : counts[slot]].clone() for slot, id_ in _live(ids_K) if counts[slot]})


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
