"""Stage B, the self-guided uncertainty-driven feedback mechanism (SG-UDFM), on latents as they are.

=======================================  ==============================================================
paper                                    here
=======================================  ==============================================================
z_max                                    ``density_mode``
d_i = mean_j (z_ij − z_max_j)²           ``dispersion``
μ_k, σ_k                                 ``dispersion_statistics``
τ_k = μ_k + σ_k                          ``first_threshold``
τ_k(t+1) = τ_k(t) + η (μ_k(t) − μ_k(t+1))  ``next_threshold``
d_i > τ_k                                ``is_uncertain``
argmin ‖z − z_max‖², without z_max       ``nearest_to_mode``
=======================================  ==============================================================

Only ``density_mode`` is quadratic in a cluster. It runs at updates, on a bounded number of samples.

Axes: N samples, M of one cluster, K clusters, L latent width, P principal components.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import gaussian_kde
from threadpoolctl import threadpool_limits
from torch import Tensor

_DENSITY_DIMENSIONS = 10  # principal components for the density where a cluster has fewer samples than dimensions
_DENSITY_SAMPLES = 512  # of a cluster enter its density, whose cost is quadratic in them
_FEWEST = 3  # samples of a cluster before its own μ and σ are trusted
_SMALLEST = 1e-12  # of σ and τ, so that nothing is divided by zero
_FLAT = 1e-5  # of the longest direction's length: shorter ones would make the density's covariance singular


def density_mode(members_ML: Tensor) -> int:
    """Return which member is z_max: where a Gaussian kernel density over the cluster is highest.

    `scipy.stats.gaussian_kde`: Scott's bandwidth on the cluster's own covariance. Of a cluster with more than
    512 members as many are taken, evenly spaced.

    Raises
    ------
    ValueError
        There is no member.
    """
    if not len(members_ML):
        message = "a cluster without members has no z_max; leave it out"
        raise ValueError(message)
    taken = torch.linspace(0, len(members_ML) - 1, min(len(members_ML), _DENSITY_SAMPLES)).long()
    if len(taken) < _FEWEST:
        return int(taken[0])
    with threadpool_limits(1):
        rows_MP = _independent(members_ML[taken].double().numpy(), _DENSITY_DIMENSIONS)
        density_M = gaussian_kde(rows_MP.T).logpdf(rows_MP.T) if rows_MP.shape[1] else np.zeros(1)
    return int(taken[int(np.argmax(density_M))])


def _independent(rows_ML: NDArray[np.float64], dimensions: int) -> NDArray[np.float64]:
    """Return principal components: at most ``dimensions`` where there are fewer samples than dimensions, else all.

    The density is the same in all of them as in the latents; those without variance have none to add.
    """
    count, width = rows_ML.shape
    kept = width if count > width else max(1, min(dimensions, count // 2))
    _, lengths, directions = np.linalg.svd(rows_ML - rows_ML.mean(0), full_matrices=False)
    varies = lengths[:kept] > _FLAT * max(float(lengths[0]), 1.0)
    return np.asarray(rows_ML @ directions[:kept][varies].T)


def dispersion(latents_NL: Tensor, modes_NL: Tensor) -> Tensor:
    """Return d_i = mean_j (z_ij − z_max_j)² [N], each sample against the mode of its own cluster."""
    return (latents_NL.double() - modes_NL).square().mean(1)


def dispersion_statistics(dispersion_M: Tensor) -> tuple[Tensor, Tensor]:
    """Return μ_k and σ_k, mean and standard deviation (divided by M) of the dispersion over one cluster."""
    return dispersion_M.mean(), dispersion_M.std(correction=0)


def first_threshold(mean: Tensor, deviation: Tensor) -> Tensor:
    """Return τ_k = μ_k + σ_k."""
    return mean + deviation


def next_threshold(threshold: Tensor, mean_before: Tensor, mean_now: Tensor, rate: float) -> Tensor:
    """Return τ_k(t+1) = τ_k(t) + η (μ_k(t) − μ_k(t+1)), kept above zero, since d_i is never below."""
    return (threshold + rate * (mean_before - mean_now)).clamp_min(_SMALLEST)


def is_uncertain(dispersion_N: Tensor, threshold_N: Tensor) -> Tensor:
    """Return d_i > τ_k [N]."""
    return dispersion_N > threshold_N


def nearest_to_mode(members_ML: Tensor, mode: int, count: int) -> Tensor:
    """Return which members stage C is given: ``count`` of smallest ‖z − z_max‖², nearest first, z_max left out."""
    squares_M = (members_ML.double() - members_ML[mode].double()).square().sum(1)
    squares_M[mode] = torch.inf
    return torch.argsort(squares_M, stable=True)[: min(count, len(members_ML) - 1)]


@dataclass(frozen=True)
class Feedback:
    """What SG-UDFM keeps of each cluster; float64. Its size does not depend on the clusters' sizes.

    Parameters
    ----------
    recent_K
        μ_k(t): the mean dispersion of the newest micro-task that had frames of the cluster.
    """

    modes_KL: Tensor
    mean_K: Tensor
    deviation_K: Tensor
    threshold_K: Tensor
    recent_K: Tensor

    def dispersion(self, latents_NL: Tensor, clusters_N: Tensor) -> Tensor:
        """Return d_i [N] of samples of these clusters."""
        return dispersion(latents_NL, self.modes_KL[clusters_N])

    def excess(self, dispersion_N: Tensor, clusters_N: Tensor) -> Tensor:
        """Return (d_i − μ_k) / σ_k [N]."""
        return (dispersion_N - self.mean_K[clusters_N]) / self.deviation_K[clusters_N]

    def uncertain(self, dispersion_N: Tensor, clusters_N: Tensor) -> Tensor:
        """Return d_i > τ_k [N]."""
        return is_uncertain(dispersion_N, self.threshold_K[clusters_N])

    def followed(self, dispersion_N: Tensor, clusters_N: Tensor, rate: float) -> "Feedback":
        """Return the state after a micro-task: τ_k moves where the cluster had frames."""
        count_K = torch.zeros_like(self.mean_K).index_add_(0, clusters_N, torch.ones_like(dispersion_N))
        sum_K = torch.zeros_like(self.mean_K).index_add_(0, clusters_N, dispersion_N)
        recent_K = torch.where(count_K > 0, sum_K / count_K.clamp_min(1), self.recent_K)
        moved_K = next_threshold(self.threshold_K, self.recent_K, recent_K, rate)
        return replace(self, recent_K=recent_K, threshold_K=torch.where(count_K > 0, moved_K, self.threshold_K))


def no_feedback(latent_width: int) -> Feedback:
    """Return the state before there is a cluster."""
    none_K = torch.zeros(0, dtype=torch.float64)
    return Feedback(torch.zeros(0, latent_width, dtype=torch.float64), none_K, none_K, none_K, none_K)


def fit_feedback(latents_NL: Tensor, clusters_N: Tensor, clusters: int) -> Feedback:
    """Fit z_max, μ_k, σ_k and τ_k to each cluster's samples; a cluster of fewer than 3 borrows the pooled μ and σ."""
    modes_KL = torch.zeros(clusters, latents_NL.shape[1], dtype=torch.float64)
    for cluster in range(clusters):
        members_ML = latents_NL[clusters_N == cluster]
        if len(members_ML):
            modes_KL[cluster] = members_ML[density_mode(members_ML)].double()
    dispersion_N = dispersion(latents_NL, modes_KL[clusters_N])
    figures = [_statistics(dispersion_N, clusters_N == cluster) for cluster in range(clusters)]
    mean_K = torch.stack([mean for mean, _ in figures])
    deviation_K = torch.stack([deviation for _, deviation in figures]).clamp_min(_SMALLEST)
    return Feedback(modes_KL, mean_K, deviation_K, first_threshold(mean_K, deviation_K), mean_K.clone())


def _statistics(dispersion_N: Tensor, mine_N: Tensor) -> tuple[Tensor, Tensor]:
    return dispersion_statistics(dispersion_N[mine_N] if int(mine_N.sum()) >= _FEWEST else dispersion_N)
