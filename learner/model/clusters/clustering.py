"""Clusters that are not fitted yet: where each begins, and what words allow.

Axes: N frames, D dimensions, K slots.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from learner.model.clusters.mixture import TiedMixture, fit


@dataclass(frozen=True)
class Clustering:
    """A mixture before it is fitted to frames.

    Parameters
    ----------
    start
        Its live slots are the clusters.
    slots_N
        int64; the slot in which each frame begins.
    without_slot
        Births for which no slot was free.
    allowed_NK
        Where each frame may belong; None for anywhere.
    called_K
        The number of the word for each slot's cluster, -1 for none; clusters called differently are never joined. None
        where nobody speaks.
    """

    start: TiedMixture
    slots_N: Tensor
    without_slot: int = 0
    allowed_NK: Tensor | None = None
    called_K: Tensor | None = None

    def separations(self, coordinates_ND: Tensor) -> Tensor:
        """Return how far apart the fitted clusters are [K, K], in deviations; infinitely, if called differently."""
        apart_KK = self.fitted(coordinates_ND).separations()
        if self.called_K is None:
            return apart_KK
        named_KK = (self.called_K[:, None] >= 0) & (self.called_K[None, :] >= 0)
        different_KK = named_KK & (self.called_K[:, None] != self.called_K[None, :])
        return torch.where(different_KK, torch.inf, apart_KK)

    def fitted(self, coordinates_ND: Tensor) -> TiedMixture:
        """Return the mixture as the frames [N, D] show it."""
        return fit(self.start, coordinates_ND, self.slots_N, self.allowed_NK)

    def without(self, left_out_N: Tensor) -> "Clustering":
        """Return the same clusters without some of the frames."""
        allowed_NK = None if self.allowed_NK is None else self.allowed_NK[~left_out_N]
        return replace(self, slots_N=self.slots_N[~left_out_N], allowed_NK=allowed_NK)

    def assigned(self, mixture: TiedMixture, coordinates_ND: Tensor) -> Tensor:
        """Return the slot [N] that each frame belongs to in the end."""
        likely_NK = mixture.probabilities(coordinates_ND)
        allowed_NK = torch.ones_like(likely_NK, dtype=torch.bool) if self.allowed_NK is None else self.allowed_NK
        return torch.where(allowed_NK, likely_NK, -1.0).argmax(1)

    def joined(self, kept: int, gone: int) -> "Clustering":
        """Return the clustering with one cluster's frames, and what is allowed to it, taken over by another."""
        start = self.start
        means_KD, counts_K = start.means_KD.clone(), start.counts_K.clone()
        both = counts_K[kept] + counts_K[gone]
        if both > 0:
            means_KD[kept] = (counts_K[kept] * means_KD[kept] + counts_K[gone] * means_KD[gone]) / both
        counts_K[kept] = both
        start = replace(start, means_KD=means_KD, counts_K=counts_K).without(gone)
        slots_N = torch.where(self.slots_N == gone, kept, self.slots_N)
        allowed_NK, called_K = self.allowed_NK, self.called_K
        if allowed_NK is not None:
            allowed_NK = allowed_NK.clone()
            allowed_NK[:, kept] |= allowed_NK[:, gone]
            allowed_NK[:, gone] = False
        if called_K is not None and called_K[kept] < 0:
            called_K = called_K.clone()
            called_K[kept] = called_K[gone]
        return replace(self, start=start, slots_N=slots_N, allowed_NK=allowed_NK, called_K=called_K)
