"""A Gaussian mixture with one covariance for all components, in preallocated slots.

Tied covariance, because full or diagonal ones fall apart on the few frames of a window (measured on digits: 0.86
against 0.3). While it is fitted, components have weights, since a window holds more of what is new; afterwards all
are equally likely: what was seen long ago is not rarer than what is seen now.

Axes: N samples, K slots (`max_clusters`), D dimensions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_FLOOR = 1e-4  # of the mean variance, added to the covariance's diagonal
_STEPS = 100
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class TiedMixture:
    """Means in slots, ids that never come back, one covariance; float64.

    Parameters
    ----------
    means_KD
        Zero in dead slots.
    ids_K
        int64; the cluster's stable id, -1 in a dead slot.
    covariance_DD
        Shared by all components.
    next_id
        The id that the next birth gets; ids are never given twice.
    """

    means_KD: Tensor
    ids_K: Tensor
    covariance_DD: Tensor
    next_id: int

    @classmethod
    def empty(cls, slots: int, dimensions: int) -> "TiedMixture":
        """Return a mixture without components."""
        return cls(
            torch.zeros(slots, dimensions, dtype=torch.float64),
            torch.full((slots,), -1, dtype=torch.int64),
            torch.eye(dimensions, dtype=torch.float64),
            0,
        )

    @property
    def live_K(self) -> Tensor:
        """True where a slot holds a cluster."""
        return self.ids_K >= 0

    @property
    def live_clusters(self) -> int:
        """How many slots are in use."""
        return int(self.live_K.sum())

    def whiten(self, coordinates_ND: Tensor) -> Tensor:
        """Return coordinates in which the shared covariance is the identity."""
        factor = torch.linalg.cholesky(self.covariance_DD)
        return _solve(factor, coordinates_ND)

    def probabilities(self, coordinates_ND: Tensor) -> Tensor:
        """Return each component's posterior probability [N, K]; 0 in dead slots."""
        distances_NK = squared_distances(self.whiten(coordinates_ND), self.whiten(self.means_KD))
        return torch.softmax(torch.where(self.live_K, -0.5 * distances_NK, -torch.inf), dim=1)

    def sample(self, slots_N: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        """Draw one point [N, D] of each named slot's component, its noise scaled by ``temperature``."""
        noise_ND: Tensor = torch.randn(len(slots_N), self.means_KD.shape[1], dtype=torch.float64, generator=generator)
        factor_DD: Tensor = torch.linalg.cholesky(self.covariance_DD)
        return self.means_KD[slots_N] + temperature * noise_ND @ factor_DD.T

    def born(self, means_MD: Tensor) -> "TiedMixture":
        """Return the mixture with M new components in its first free slots; those without a slot are left out."""
        free = torch.nonzero(~self.live_K).flatten()[: len(means_MD)]
        means_KD, ids_K = self.means_KD.clone(), self.ids_K.clone()
        means_KD[free] = means_MD[: len(free)]
        ids_K[free] = torch.arange(self.next_id, self.next_id + len(free))
        return TiedMixture(means_KD, ids_K, self.covariance_DD, self.next_id + len(free))


def squared_distances(points_ND: Tensor, centres_KD: Tensor) -> Tensor:
    """Return [N, K]; by subtraction, since the expanded form loses the small distances to cancellation."""
    return (points_ND[:, None, :] - centres_KD[None, :, :]).square().sum(2)


def fit(start: TiedMixture, coordinates_ND: Tensor, known_slots_N: Tensor) -> TiedMixture:
    """Fit by expectation-maximisation from the start's means.

    Parameters
    ----------
    start
        Its live slots are the components; its covariance is replaced.
    coordinates_ND
        float64.
    known_slots_N
        int64; the slot that a sample is known to come from (recalled ones are), -1 where it is not known.
    """
    live = torch.nonzero(start.live_K).flatten()
    means_MD = start.means_KD[live]
    covariance_DD = _regular(torch.cov(coordinates_ND.T) / 2)
    log_weights_M = torch.full((len(live),), -float(torch.tensor(len(live)).log()), dtype=torch.float64)
    known_NM = (known_slots_N[:, None] == live[None, :]).double()
    is_known_N1 = known_NM.sum(1, keepdim=True)
    for _ in range(_STEPS):
        shares_NM = _expect(coordinates_ND, means_MD, covariance_DD, log_weights_M)
        shares_NM = is_known_N1 * known_NM + (1 - is_known_N1) * shares_NM
        mass_M = shares_NM.sum(0)
        updated_MD = (shares_NM.T @ coordinates_ND) / mass_M.clamp_min(1e-9)[:, None]
        updated_MD = torch.where(mass_M[:, None] < 1.0, means_MD, updated_MD)
        covariance_DD = _within(coordinates_ND, shares_NM, updated_MD)
        log_weights_M = (mass_M / mass_M.sum()).clamp_min(1e-3).log()
        moved = float((updated_MD - means_MD).abs().max())
        means_MD = updated_MD
        if moved < _TOLERANCE:
            break
    means_KD = torch.zeros_like(start.means_KD)
    means_KD[live] = means_MD
    return TiedMixture(means_KD, start.ids_K, covariance_DD, start.next_id)


def _expect(coordinates_ND: Tensor, means_MD: Tensor, covariance_DD: Tensor, log_weights_M: Tensor) -> Tensor:
    factor = torch.linalg.cholesky(covariance_DD)
    distances_NM = squared_distances(_solve(factor, coordinates_ND), _solve(factor, means_MD))
    return torch.softmax(log_weights_M - 0.5 * distances_NM, dim=1)


def _solve(factor_DD: Tensor, rows_ND: Tensor) -> Tensor:
    solved: Tensor = torch.linalg.solve_triangular(factor_DD, rows_ND.T, upper=False)
    return solved.T


def _within(coordinates_ND: Tensor, shares_NM: Tensor, means_MD: Tensor) -> Tensor:
    total = coordinates_ND.T @ coordinates_ND
    cross = (shares_NM.T @ coordinates_ND).T @ means_MD
    between = (means_MD.T * shares_NM.sum(0)) @ means_MD
    return _regular((total - cross - cross.T + between) / len(coordinates_ND))


def _regular(covariance_DD: Tensor) -> Tensor:
    symmetric = (covariance_DD + covariance_DD.T) / 2
    size = symmetric.shape[0]
    return symmetric + _FLOOR * (symmetric.trace() / size).clamp_min(1e-12) * torch.eye(size, dtype=torch.float64)
