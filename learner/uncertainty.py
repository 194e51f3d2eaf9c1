"""SG-UDFM: how unusual a sample is for its own cluster (stage B of R2R, arXiv 2505.04787).

==================  ===============================================================================
paper               here
==================  ===============================================================================
z_max               ``modes_KD``: where a Gaussian kernel density over the cluster is highest
d_i                 ``dispersion``: mean over dimensions of (z_i − z_max)²
μ_k, σ_k            ``mean_K``, ``deviation_K``: of d over the cluster when it was fitted
τ_k = μ_k + σ_k     ``threshold_K``; d_i > τ_k is *uncertain*
η                   ``rate`` of τ_k(t+1) = τ_k(t) + η (μ_k(t) − μ_k(t+1))
==================  ===============================================================================

Coordinates are whitened by the mixture's covariance, so that d_i is 1 on average whatever the latents' scale.

Axes: N samples, K slots, D dimensions.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from learner.mixture import squared_distances

_FEWEST = 3  # samples in a cluster before its own μ and σ are trusted


@dataclass(frozen=True)
class Uncertainty:
    """Each cluster's mode, dispersion and dynamic threshold; float64, arbitrary in dead slots."""

    modes_KD: Tensor
    mean_K: Tensor
    deviation_K: Tensor
    threshold_K: Tensor
    recent_K: Tensor
    """μ_k(t): the cluster's mean dispersion in the newest micro-task that had frames of it."""

    @classmethod
    def empty(cls, slots: int, dimensions: int) -> "Uncertainty":
        """Return the state before anything is learned."""
        ones = torch.ones(slots, dtype=torch.float64)
        return cls(torch.zeros(slots, dimensions, dtype=torch.float64), ones, ones, 2 * ones, ones)

    def dispersion(self, whitened_ND: Tensor, slots_N: Tensor) -> Tensor:
        """Return d_i [N] of samples assigned to ``slots_N``."""
        return (whitened_ND - self.modes_KD[slots_N]).square().mean(1)

    def excess(self, dispersion_N: Tensor, slots_N: Tensor) -> Tensor:
        """Return (d_i − μ_k) / σ_k [N]: the dispersion standardised by its own cluster."""
        return (dispersion_N - self.mean_K[slots_N]) / self.deviation_K[slots_N]

    def uncertain(self, dispersion_N: Tensor, slots_N: Tensor) -> Tensor:
        """Return d_i > τ_k [N]."""
        return dispersion_N > self.threshold_K[slots_N]

    def followed(self, dispersion_N: Tensor, slots_N: Tensor, rate: float) -> "Uncertainty":
        """Return the state after one micro-task: τ_k moves by η (μ_k(t) − μ_k(t+1)) where the cluster had frames."""
        recent_K, threshold_K = self.recent_K.clone(), self.threshold_K.clone()
        for slot in torch.unique(slots_N).tolist():
            mean = dispersion_N[slots_N == slot].mean()
            threshold_K[slot] += rate * (recent_K[slot] - mean)
            recent_K[slot] = mean
        return replace(self, recent_K=recent_K, threshold_K=threshold_K.clamp_min(1e-6))


def fit_uncertainty(whitened_ND: Tensor, slots_N: Tensor, live_K: Tensor) -> Uncertainty:
    """Fit modes and thresholds to the samples of each live cluster; small clusters borrow the pooled μ and σ."""
    fitted = Uncertainty.empty(len(live_K), whitened_ND.shape[1])
    modes_KD, mean_K, deviation_K = fitted.modes_KD.clone(), fitted.mean_K.clone(), fitted.deviation_K.clone()
    dispersions: dict[int, Tensor] = {}
    for slot in torch.nonzero(live_K).flatten().tolist():
        members = whitened_ND[slots_N == slot]
        if len(members):
            modes_KD[slot] = density_mode(members)
            dispersions[slot] = (members - modes_KD[slot]).square().mean(1)
    pooled = torch.cat(list(dispersions.values()))
    for slot in torch.nonzero(live_K).flatten().tolist():
        own = dispersions.get(slot, pooled)
        basis = own if len(own) >= _FEWEST else pooled
        mean_K[slot], deviation_K[slot] = basis.mean(), basis.std(correction=0).clamp_min(1e-6)
    return Uncertainty(modes_KD, mean_K, deviation_K, mean_K + deviation_K, mean_K.clone())


def density_mode(members_ND: Tensor) -> Tensor:
    """Return z_max: the member at which a Gaussian kernel density over the members is highest.

    The bandwidth is Scott's, N^(−1/(D+4)) standard deviations, as in `scipy.stats.gaussian_kde`, on whitened
    coordinates. Quadratic in N; called at updates only, on at most a window and its rehearsal.
    """
    count, dimensions = members_ND.shape
    bandwidth = float(count) ** (-1.0 / (dimensions + 4))
    log_kernels_NN = -0.5 * squared_distances(members_ND, members_ND) / bandwidth**2
    return members_ND[torch.logsumexp(log_kernels_NN, dim=1).argmax()]
