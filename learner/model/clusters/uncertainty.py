"""SG-UDFM: how unusual a sample is for its own cluster (stage B of R2R, arXiv 2505.04787).

==================  ===============================================================================
paper               here
==================  ===============================================================================
z_max               ``modes_KD``: where the cluster's density is highest; of a Gaussian, its mean
d_i                 ``dispersion``: mean over dimensions of (z_i − z_max)²
μ_k, σ_k            ``mean_K``, ``deviation_K``: of d over frames of the cluster that it was not fitted to
τ_k = μ_k + σ_k     ``threshold_K``; d_i > τ_k is *uncertain*
η                   ``rate`` of τ_k(t+1) = τ_k(t) + η (μ_k(t) − μ_k(t+1))
==================  ===============================================================================

Coordinates are whitened by the mixture's covariance, so that d_i is about 1 whatever the latents' scale. A mixture is
nearer to the frames it was fitted to than to those that come after, so μ and σ are those of held-out frames: without
that every window would be followed by a false alarm. The density by kernels, as published, is in `learner.paper`.

Axes: N samples, K slots, D dimensions.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from learner.model.clusters.clustering import Clustering
from learner.model.clusters.mixture import TiedMixture

_FOLDS = 5
_FEWEST = 10  # held-out frames of a cluster before its own μ and σ are trusted


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


@dataclass(frozen=True)
class HeldOut:
    """Dispersion and slot of each sample under a mixture that was fitted without it."""

    dispersion_N: Tensor
    slots_N: Tensor


def held_out(clustering: Clustering, coordinates_ND: Tensor, generator: torch.Generator) -> HeldOut:
    """Fit five times, each time without a fifth of the samples [N, D], and look at those."""
    fold_N = torch.randperm(len(coordinates_ND), generator=generator) % _FOLDS
    dispersion_N = torch.zeros(len(coordinates_ND), dtype=torch.float64)
    assigned_N = torch.zeros(len(coordinates_ND), dtype=torch.int64)
    for fold in range(_FOLDS):
        out = fold_N == fold
        mixture = clustering.without(out).fitted(coordinates_ND[~out])
        assigned_N[out] = mixture.probabilities(coordinates_ND[out]).argmax(1)
        modes_ND = mixture.whiten(mixture.means_KD)[assigned_N[out]]
        dispersion_N[out] = (mixture.whiten(coordinates_ND[out]) - modes_ND).square().mean(1)
    return HeldOut(dispersion_N, assigned_N)


def fit_uncertainty(old: Uncertainty, start: TiedMixture, mixture: TiedMixture, seen: HeldOut) -> Uncertainty:
    """Learn μ and σ of each live cluster from held-out frames; τ begins anew at their sum.

    A cluster with frames behind it in ``start`` keeps what is known of it and is moved by its new ones, as its mean
    is; one that is new and has fewer than ten frames borrows the pooled μ and σ.
    """
    mean_K, deviation_K = old.mean_K.clone(), old.deviation_K.clone()
    for slot in torch.nonzero(mixture.live_K).flatten().tolist():
        own_N = seen.dispersion_N[seen.slots_N == slot]
        enough = len(own_N) >= _FEWEST
        behind = float(start.counts_K[slot])
        if behind and enough:
            mean_K[slot], deviation_K[slot] = _moved(mean_K[slot], deviation_K[slot], behind, own_N)
        elif not behind:
            basis_N = own_N if enough else seen.dispersion_N
            mean_K[slot], deviation_K[slot] = basis_N.mean(), basis_N.std(correction=0)
    deviation_K = deviation_K.clamp_min(1e-6)
    return Uncertainty(mixture.whiten(mixture.means_KD), mean_K, deviation_K, mean_K + deviation_K, mean_K.clone())


def _moved(mean: Tensor, deviation: Tensor, behind: float, own_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of ``behind`` old frames and the own new ones together."""
    share = behind / (behind + len(own_N))
    moved = share * mean + (1 - share) * own_N.mean()
    old_variance = deviation.square() + (mean - moved).square()
    new_variance = own_N.var(correction=0) + (own_N.mean() - moved).square()
    return moved, (share * old_variance + (1 - share) * new_variance).sqrt()
