"""Clusters that are not fitted yet: where each begins, and what words allow.

Axes: N frames, D dimensions, K slots.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from learner.mixture import TiedMixture, fit


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
    apart_KK
        True for clusters that are never joined, being called differently; None where any two may be.
    """

    start: TiedMixture
    slots_N: Tensor
    without_slot: int = 0
    allowed_NK: Tensor | None = None
    apart_KK: Tensor | None = None

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
        allowed_NK, apart_KK = self.allowed_NK, self.apart_KK
        if allowed_NK is not None:
            allowed_NK = allowed_NK.clone()
            allowed_NK[:, kept] |= allowed_NK[:, gone]
            allowed_NK[:, gone] = False
        if apart_KK is not None:
            apart_KK = apart_KK.clone()
            apart_KK[kept] |= apart_KK[gone]
            apart_KK[:, kept] = apart_KK[kept]
        return replace(self, start=start, slots_N=slots_N, allowed_NK=allowed_NK, apart_KK=apart_KK)
