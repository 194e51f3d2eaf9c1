"""A Gaussian mixture with one covariance for all components, in preallocated slots, learned a window at a time.

Tied covariance, because full or diagonal ones fall apart on the few frames of a window (measured on digits: 0.86
against 0.3). Each component remembers how many frames stand behind it, so a window moves an old one only a little:
expectation-maximisation with conjugate priors (Gauvain and Lee, 1994), which on labelled data is streaming linear
discriminant analysis (Hayes and Kanan, 2020). All components are equally likely: what was seen long ago is not rarer
than what is seen now.

Axes: N samples, K slots (`max_clusters`), M live components, D dimensions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

_TENSORS = ("means_KD", "ids_K", "counts_K", "covariance_DD")
_STEPS = 20
_TOLERANCE = 1e-4
_MOST_BEHIND_A_MEAN = 100.0  # frames: what is older than these fades
_MOST_BEHIND_THE_COVARIANCE = 2000.0
_BEHIND_A_COVARIANCE_THAT_FOLLOWS = 1000.0
_FLOOR = 1e-6  # of the mean variance, added to the covariance's diagonal


@dataclass(frozen=True)
class TiedMixture:
    """Means in slots, ids that never come back, one covariance; float64.

    Parameters
    ----------
    means_KD
        Zero in dead slots.
    ids_K
        int64; the cluster's stable id, -1 in a dead slot.
    counts_K
        How many frames stand behind each mean, at most 100.
    covariance_DD
        Shared by all components, regularised.
    frames
        How many frames stand behind the covariance, at most 2,000.
    next_id
        The id that the next new cluster gets; ids are never given twice.
    """

    means_KD: Tensor
    ids_K: Tensor
    counts_K: Tensor
    covariance_DD: Tensor
    frames: float
    next_id: int

    @classmethod
    def empty(cls, slots: int, dimensions: int) -> "TiedMixture":
        """Return a mixture without components."""
        return cls(
            torch.zeros(slots, dimensions, dtype=torch.float64),
            torch.full((slots,), -1, dtype=torch.int64),
            torch.zeros(slots, dtype=torch.float64),
            torch.eye(dimensions, dtype=torch.float64),
            0.0,
            0,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return every value but ``next_id`` by name, as a checkpoint holds them."""
        named = {name: getattr(self, name) for name in _TENSORS}
        return named | {"frames": torch.tensor([self.frames], dtype=torch.float64)}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor], next_id: int) -> "TiedMixture":
        """Return what `tensors` described."""
        means_KD, ids_K, counts_K, covariance_DD = (tensors[name] for name in _TENSORS)
        return cls(means_KD, ids_K, counts_K, covariance_DD, float(tensors["frames"]), next_id)

    @property
    def live_K(self) -> Tensor:
        """True where a slot holds a cluster."""
        return self.ids_K >= 0

    @property
    def live_clusters(self) -> int:
        """How many slots are in use."""
        return int(self.live_K.sum())

    def is_young(self, frames: int) -> bool:
        """Say whether fewer than so many frames stand behind the covariance.

        Only a young mixture is regrouped, and only a regrouping sets that number back: once false, this stays false.
        """
        return self.frames < frames

    def whiten(self, coordinates_ND: Tensor) -> Tensor:
        """Return coordinates in which the shared covariance is the identity."""
        return _solve(torch.linalg.cholesky(self.covariance_DD), coordinates_ND)

    def probabilities(self, coordinates_ND: Tensor) -> Tensor:
        """Return each component's posterior probability [N, K]; 0 in dead slots."""
        distances_NK = squared_distances(self.whiten(coordinates_ND), self.whiten(self.means_KD))
        return torch.softmax(torch.where(self.live_K, -0.5 * distances_NK, -torch.inf), dim=1)

    def sample(self, slots_N: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one point [N, D] of each named slot's component."""
        noise_ND: Tensor = torch.randn(len(slots_N), self.means_KD.shape[1], dtype=torch.float64, generator=generator)
        factor_DD: Tensor = torch.linalg.cholesky(self.covariance_DD)
        return self.means_KD[slots_N] + noise_ND @ factor_DD.T

    def followed(self, coordinates_ND: Tensor, slots_N: Tensor, behind: float) -> "TiedMixture":
        """Return the mixture moved towards samples that are taken to belong to ``slots_N``; ids and counts stay.

        Nothing moves where fewer than half of the components have samples: a part of the world that looks different
        may be another part of it. Otherwise one fit, in which the past weighs little.

        Parameters
        ----------
        behind
            How many frames of the past stand against the samples, at most, in each mean; 0 moves nothing.
        """
        if not behind or not len(slots_N) or 2 * len(torch.unique(slots_N)) < self.live_clusters:
            return self
        light = replace(
            self, counts_K=self.counts_K.clamp_max(behind), frames=min(self.frames, _BEHIND_A_COVARIANCE_THAT_FOLLOWS)
        )
        moved = fit(light, coordinates_ND, slots_N, shrinks=False)
        return replace(moved, counts_K=self.counts_K, frames=self.frames)

    def separations(self) -> Tensor:
        """Return the Mahalanobis distances between the means [K, K]; infinite on the diagonal and to dead slots."""
        means_KD = self.whiten(self.means_KD)
        apart_KK = squared_distances(means_KD, means_KD).sqrt()
        live_KK = self.live_K[:, None] & self.live_K[None, :] & ~torch.eye(len(means_KD), dtype=torch.bool)
        return torch.where(live_KK, apart_KK, torch.inf)

    def with_added(self, means_MD: Tensor) -> "TiedMixture":
        """Return the mixture with M new components in its first free slots; those without a slot are left out."""
        free = torch.nonzero(~self.live_K).flatten()[: len(means_MD)]
        means_KD, ids_K, counts_K = self.means_KD.clone(), self.ids_K.clone(), self.counts_K.clone()
        means_KD[free] = means_MD[: len(free)]
        ids_K[free] = torch.arange(self.next_id, self.next_id + len(free))
        counts_K[free] = 0.0
        return replace(self, means_KD=means_KD, ids_K=ids_K, counts_K=counts_K, next_id=self.next_id + len(free))

    def without(self, slot: int) -> "TiedMixture":
        """Return the mixture with the slot's component gone; its id does not come back."""
        means_KD, ids_K, counts_K = self.means_KD.clone(), self.ids_K.clone(), self.counts_K.clone()
        means_KD[slot], ids_K[slot], counts_K[slot] = 0.0, -1, 0.0
        return replace(self, means_KD=means_KD, ids_K=ids_K, counts_K=counts_K)


def squared_distances(points_ND: Tensor, centres_KD: Tensor) -> Tensor:
    """Return [N, K]; by subtraction, since the expanded form loses the small distances to cancellation."""
    return (points_ND[:, None, :] - centres_KD[None, :, :]).square().sum(2)


def fit(
    start: TiedMixture,
    coordinates_ND: Tensor,
    slots_N: Tensor,
    allowed_NK: Tensor | None = None,
    *,
    shrinks: bool = True,
) -> TiedMixture:
    """Learn from samples by expectation-maximisation; ``start`` is the prior, as heavy as the frames behind it.

    Parameters
    ----------
    start
        Its live slots are the components.
    coordinates_ND
        float64.
    slots_N
        int64; the live slot that each sample is taken to belong to in the first step.
    allowed_NK
        True where a sample may belong; None for anywhere. Each sample has a live slot at least.
    shrinks
        Whether the covariance is drawn towards a sphere, as one that is fitted anew must be.
    """
    live = torch.nonzero(start.live_K).flatten()
    prior_MD, prior_M = start.means_KD[live], start.counts_K[live]
    barred_NM = None if allowed_NK is None else ~allowed_NK[:, live]
    shares_NM = (slots_N[:, None] == live[None, :]).double()
    means_MD, covariance_DD = prior_MD, start.covariance_DD
    for _ in range(_STEPS):
        behind_M = prior_M + shares_NM.sum(0)
        updated_MD = (prior_M[:, None] * prior_MD + shares_NM.T @ coordinates_ND) / behind_M.clamp_min(1e-9)[:, None]
        updated_MD = torch.where(behind_M[:, None] > _FLOOR, updated_MD, prior_MD)
        covariance_DD = _covariance(start, coordinates_ND, shares_NM, updated_MD, shrinks=shrinks)
        shares_NM = _expect(coordinates_ND, updated_MD, covariance_DD, barred_NM)
        moved = float((updated_MD - means_MD).abs().max())
        means_MD = updated_MD
        if moved < _TOLERANCE:
            break
    means_KD, counts_K = start.means_KD.clone(), start.counts_K.clone()
    means_KD[live] = means_MD
    counts_K[live] = (prior_M + shares_NM.sum(0)).clamp_max(_MOST_BEHIND_A_MEAN)
    frames = min(start.frames + len(coordinates_ND), _MOST_BEHIND_THE_COVARIANCE)
    return replace(start, means_KD=means_KD, counts_K=counts_K, covariance_DD=covariance_DD, frames=frames)


def _expect(coordinates_ND: Tensor, means_MD: Tensor, covariance_DD: Tensor, barred_NM: Tensor | None) -> Tensor:
    factor_DD = torch.linalg.cholesky(covariance_DD)
    distances_NM = squared_distances(_solve(factor_DD, coordinates_ND), _solve(factor_DD, means_MD))
    if barred_NM is not None:
        distances_NM = distances_NM.masked_fill(barred_NM, torch.inf)
    return torch.softmax(-0.5 * distances_NM, dim=1)


def _covariance(
    start: TiedMixture, coordinates_ND: Tensor, shares_NM: Tensor, means_MD: Tensor, *, shrinks: bool
) -> Tensor:
    """Return the prior's covariance and the window's scatter, shrunk to a sphere as if D frames had shown one."""
    total_DD = coordinates_ND.T @ coordinates_ND
    cross_DD = (shares_NM.T @ coordinates_ND).T @ means_MD
    between_DD = (means_MD.T * shares_NM.sum(0)) @ means_MD
    scatter_DD = total_DD - cross_DD - cross_DD.T + between_DD
    size, frames = coordinates_ND.shape[1], start.frames + len(coordinates_ND)
    raw_DD = (start.frames * start.covariance_DD + scatter_DD) / frames
    sphere_DD = (raw_DD.trace() / size).clamp_min(1e-12) * torch.eye(size, dtype=torch.float64)
    share = size / (size + frames) if shrinks else 0.0
    return (1 - share) * (raw_DD + raw_DD.T) / 2 + (share + _FLOOR) * sphere_DD


def _solve(factor_DD: Tensor, rows_ND: Tensor) -> Tensor:
    solved: Tensor = torch.linalg.solve_triangular(factor_DD, rows_ND.T, upper=False)
    return solved.T
