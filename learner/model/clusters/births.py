"""Births, regroupings, merges and pruning: how the number of clusters changes with the stream.

Each function returns a `learner.model.clusters.clustering.Clustering`: what is to be fitted.

Axes: N frames, L latent width, D dimensions, K slots.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from learner.model.clusters.clustering import Clustering
from learner.model.clusters.grouping import LEAST_SILHOUETTE, Bounds, Grouping, Neighbourhood
from learner.model.clusters.mixture import TiedMixture
from learner.settings import ClusterSettings

_FEWEST_FIRST_FRAMES = 2  # of a cluster that is added where there is none yet
_NEAR = 0.9  # the fewest groups whose silhouette is at least this share of the best are taken
_REGROUP_GAIN = 1.02  # a regrouping needs a modularity that is so many times better
_AS_DISTINCT = 0.9  # of the present silhouette, which favours the mixture's round clusters
_AGREE = 0.7  # of a group and its cluster: shared frames over all frames of either


@dataclass(frozen=True)
class Frames:
    """The frames that clusters are looked for in: their latents, and the same in the mixture's coordinates."""

    latents_NL: Tensor
    coordinates_ND: Tensor


def nearest(mixture: TiedMixture, coordinates_ND: Tensor) -> Tensor:
    """Return the slot of the likeliest cluster [N]; 0 where there is none yet."""
    if not mixture.live_clusters:
        return torch.zeros(len(coordinates_ND), dtype=torch.int64)
    return mixture.probabilities(coordinates_ND).argmax(1)


def birth_bounds(settings: ClusterSettings) -> Bounds:
    """Return how many groups novel frames may make."""
    return Bounds(1, settings.most_births, settings.cluster_frames, _NEAR)


def add_clusters(known: TiedMixture, frames: Frames, novel_N: Tensor, bounds: Bounds, seed: int) -> Clustering:
    """Add a cluster for each group of novel frames that is large enough; the rest begin at their nearest cluster."""
    slots_N = nearest(known, frames.coordinates_ND)
    novel = torch.nonzero(novel_N).flatten()
    first = not known.live_clusters
    if not first and len(novel) < bounds.frames:
        return Clustering(known, slots_N)
    found = Neighbourhood(frames.latents_NL[novel], seed).group(bounds)
    least = _FEWEST_FIRST_FRAMES if first else bounds.frames
    members = [novel[found.labels_N == label] for label in range(found.count)]
    return _added(known, frames.coordinates_ND, slots_N, [own for own in members if len(own) >= least])


def regroup(known: TiedMixture, frames: Frames, settings: ClusterSettings, seed: int) -> Clustering | None:
    """Group the recent frames afresh; None where the present clusters are as good.

    In a quiet world no frame is novel. But the first clusters may come from too few frames, and a class may have been
    assigned to the cluster of another.

    - A new grouping replaces the present clusters if its modularity is higher by 2 % and its groups are as distinct. A
      single cluster has no modularity: there the groups must be as distinct as new clusters.
    - Each group takes over the cluster with which it shares most frames, with its id. Other groups are added.
    - Where a group and its cluster agree, the cluster keeps its mean and count. Otherwise both begin anew. The
      covariance begins anew in any case.
    - A cluster that no group takes over stays. The fit gives its frames back to it, or it is merged or pruned.
    """
    now_N = nearest(known, frames.coordinates_ND)
    present = torch.unique(now_N).tolist()
    if len(present) < known.live_clusters / 2:
        return None  # a part of the world says nothing about the whole
    hood = Neighbourhood(frames.latents_NL, seed)
    found = hood.communities(Bounds(2, settings.most_births, settings.cluster_frames))
    better = hood.modularity(found.labels_N) >= _REGROUP_GAIN * hood.modularity(now_N)
    distinct = LEAST_SILHOUETTE if len(present) == 1 else _AS_DISTINCT * hood.silhouette(now_N)
    if not better or found.silhouette < distinct:
        return None
    taken = _taken_over(found, now_N, present)
    means_KD, counts_K, slots_N = known.means_KD.clone(), known.counts_K.clone(), now_N.clone()
    for label, slot in taken.items():
        own = found.labels_N == label
        slots_N[own] = slot
        if int((own & (now_N == slot)).sum()) < _AGREE * int((own | (now_N == slot)).sum()):
            means_KD[slot], counts_K[slot] = frames.coordinates_ND[own].mean(0), 0.0
    rest = [torch.nonzero(found.labels_N == label).flatten() for label in range(found.count) if label not in taken]
    kept = replace(known, means_KD=means_KD, counts_K=counts_K, frames=0.0)
    return _added(kept, frames.coordinates_ND, slots_N, rest)


def merge(clustering: Clustering, coordinates_ND: Tensor, distance: float) -> tuple[Clustering, list[tuple[int, int]]]:
    """Join clusters whose fitted means are nearer than ``distance`` deviations; the older id stays.

    Returns
    -------
    The clustering, and the ids ``(kept, gone)`` of each merge in order.
    """
    merged: list[tuple[int, int]] = []
    while True:
        apart_KK = clustering.separations(coordinates_ND)
        if float(apart_KK.min()) >= distance:
            return clustering, merged
        one, other = divmod(int(apart_KK.argmin()), len(apart_KK))
        ids_K = clustering.start.ids_K
        kept, gone = (one, other) if ids_K[one] < ids_K[other] else (other, one)
        merged.append((int(ids_K[kept]), int(ids_K[gone])))
        clustering = clustering.joined(kept, gone)


def prune(mixture: TiedMixture, fewest: float) -> tuple[TiedMixture, list[int]]:
    """Drop clusters behind which fewer than ``fewest`` frames stand; return the ids that are gone. One always stays."""
    weak_K = mixture.live_K & (mixture.counts_K < fewest)
    weak = [slot for slot in torch.nonzero(weak_K).flatten().tolist() if slot != int(mixture.counts_K.argmax())]
    gone = [int(mixture.ids_K[slot]) for slot in weak]
    for slot in weak:
        mixture = mixture.without(slot)
    return mixture, gone


def _added(known: TiedMixture, coordinates_ND: Tensor, slots_N: Tensor, members: list[Tensor]) -> Clustering:
    free = torch.nonzero(~known.live_K).flatten().tolist()
    without_slot = max(0, len(members) - len(free))
    members = members[: len(free)]
    if not members:
        return Clustering(known, slots_N, without_slot)
    slots_N = slots_N.clone()
    for slot, own in zip(free, members, strict=False):
        slots_N[own] = slot
    added = known.with_added(torch.stack([coordinates_ND[own].mean(0) for own in members]))
    return Clustering(added, slots_N, without_slot)


def _taken_over(found: Grouping, now_N: Tensor, present: list[int]) -> dict[int, int]:
    """Return the slot that each group takes over, one to one, by the number of shared frames."""
    shared = np.zeros((found.count, len(present)), dtype=np.int64)
    for column, slot in enumerate(present):
        shared[:, column] = torch.bincount(found.labels_N[now_N == slot], minlength=found.count).numpy()
    rows, columns = linear_sum_assignment(-shared)
    return {int(row): present[column] for row, column in zip(rows, columns, strict=True) if shared[row, column]}
