"""Stage A's clusters: a Gaussian mixture over the latents, fitted by scikit-learn.

==========================  ==================================================================
paper                       here
==========================  ==================================================================
p(z) = Σ_k π_k N(z|m_k,Σ_k) ``log_density``
γ_ik                        ``posteriors``: π_k N(z_i|m_k,Σ_k) ÷ Σ_j π_j N(z_i|m_j,Σ_j)
cluster of z_i              ``assign``: argmax_k γ_ik
==========================  ==================================================================

Axes: N samples, K components, L latent width.
"""

import warnings
from dataclasses import dataclass, replace

import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits
from torch import Tensor

from learner.settings import Covariance, PaperSettings

_COVARIANCE_FLOOR = 0.1  # added to the covariances' diagonals, as a share of the latents' mean variance


@dataclass(frozen=True)
class LatentMixture:
    """Weights, means and factors of the precisions; float64.

    Parameters
    ----------
    factors
        Of each precision P = F Fᵀ, as in scikit-learn's ``precisions_cholesky_``: [K, L, L] full, [L, L] tied,
        [K, L] diag, [K] spherical.
    ids_K
        int64; the component's stable id.
    next_id
        The id that the next new component gets; ids are never given twice.
    """

    covariance: Covariance
    weights_K: Tensor
    means_KL: Tensor
    factors: Tensor
    ids_K: Tensor
    next_id: int

    @classmethod
    def empty(cls, covariance: Covariance, width: int) -> "LatentMixture":
        """Return a mixture without components."""
        shapes = {"full": (0, width, width), "tied": (width, width), "diag": (0, width), "spherical": (0,)}
        none_K = torch.zeros(0, dtype=torch.float64)
        means_KL, factors = torch.zeros(0, width).double(), torch.zeros(shapes[covariance]).double()
        return cls(covariance, none_K, means_KL, factors, none_K.long(), 0)

    @property
    def live_clusters(self) -> int:
        """K: every component lives."""
        return len(self.ids_K)

    def log_joint(self, latents_NL: Tensor) -> Tensor:
        """Return log(π_k N(z_i | m_k, Σ_k)), [N, K]."""
        columns = [self._log_normal(latents_NL.double(), k) for k in range(self.live_clusters)]
        return torch.stack(columns, dim=1) + self.weights_K.log()

    def log_density(self, latents_NL: Tensor) -> Tensor:
        """Stage A: log p(z_i) = log Σ_k π_k N(z_i | m_k, Σ_k), [N]."""
        return torch.logsumexp(self.log_joint(latents_NL), dim=1)

    def posteriors(self, latents_NL: Tensor) -> Tensor:
        """Stage A: γ_ik, the share of component k in the density at z_i, [N, K]."""
        return torch.softmax(self.log_joint(latents_NL), dim=1)

    def assign(self, latents_NL: Tensor) -> Tensor:
        """Stage A: the component with the highest posterior, argmax_k γ_ik, [N]."""
        return self.log_joint(latents_NL).argmax(1)

    def draw(self, components_N: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one latent [N, L] from N(m_k, Σ_k) of each named component."""
        noise_NL = torch.randn(len(components_N), self.means_KL.shape[1], dtype=torch.float64, generator=generator)
        drawn_NL = self.means_KL[components_N]
        for k in range(self.live_clusters):
            mine = components_N == k
            drawn_NL[mine] += self._colour(noise_NL[mine], k)
        return drawn_NL

    def reordered(self, order_K: Tensor, ids_K: Tensor, next_id: int) -> "LatentMixture":
        """Return the mixture with component ``order_K[k]`` at place k and these ids."""
        factors = self.factors if self.covariance == "tied" else self.factors[order_K]
        moved = replace(self, weights_K=self.weights_K[order_K], means_KL=self.means_KL[order_K], factors=factors)
        return replace(moved, ids_K=ids_K, next_id=next_id)

    def _factor(self, component: int) -> Tensor:
        """Return F of one component: [L, L], [L] where it is diagonal, a scalar where it is spherical."""
        return self.factors if self.covariance == "tied" else self.factors[component]

    def _log_normal(self, latents_NL: Tensor, component: int) -> Tensor:
        """Return log N(z_i | m_k, Σ_k) [N]: −½ (L log 2π + |(z_i − m_k) F|²) + log |F|."""
        factor, centred_NL = self._factor(component), latents_NL - self.means_KL[component]
        width = centred_NL.shape[1]
        if factor.ndim == 2:  # noqa: PLR2004  (a matrix)
            whitened_NL, diagonal_L = centred_NL @ factor, factor.diagonal()
        else:
            whitened_NL, diagonal_L = centred_NL * factor, factor.expand(width)
        constant = width * torch.log(torch.tensor(2 * torch.pi, dtype=torch.float64))
        return -0.5 * (constant + whitened_NL.square().sum(1)) + diagonal_L.log().sum()

    def _colour(self, noise_NL: Tensor, component: int) -> Tensor:
        """Give white noise the component's covariance: Σ = F⁻ᵀ F⁻¹, so that rows become ε F⁻¹."""
        factor = self._factor(component)
        if factor.ndim < 2:  # noqa: PLR2004
            return noise_NL / factor
        coloured: Tensor = torch.linalg.solve(factor, noise_NL, left=False)
        return coloured


def fit_mixture(
    latents_NL: Tensor, components: int, settings: PaperSettings, seed: int, means_KL: Tensor | None = None
) -> LatentMixture:
    """Stage A: fit by scikit-learn's expectation-maximisation; ids count from 0.

    Parameters
    ----------
    latents_NL
        Real ones of the task and synthetic ones of the tasks before; at least ``components``.
    means_KL
        Where the components begin; None for scikit-learn's k-means.
    """
    rows = latents_NL.double().numpy()
    fitted = GaussianMixture(
        components,
        covariance_type=settings.covariance,
        reg_covar=max(_COVARIANCE_FLOOR * float(rows.var(0).mean()), 1e-12),
        means_init=None if means_KL is None else means_KL.double().numpy(),
        random_state=seed,
    )
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # after 100 steps what is there is taken
        fitted.fit(rows)
    return LatentMixture(
        covariance=settings.covariance,
        weights_K=torch.from_numpy(fitted.weights_),
        means_KL=torch.from_numpy(fitted.means_),
        factors=torch.from_numpy(fitted.precisions_cholesky_),
        ids_K=torch.arange(components),
        next_id=components,
    )


def cluster_means(latents_NL: Tensor, clusters_N: Tensor, clusters: int) -> Tensor:
    """Return the mean of each cluster's latents [K, L]; each must have one."""
    means = [latents_NL[clusters_N == cluster].double().mean(0) for cluster in range(clusters)]
    return torch.stack(means)


def far_means(latents_NL: Tensor, known_JL: Tensor, count: int, seed: int) -> Tensor:
    """Return ``count`` k-means centres of the half of the latents that is farthest from every known mean."""
    if not count:
        return known_JL[:0]
    distance_N = torch.cdist(latents_NL.double(), known_JL).amin(1)
    far_ML = latents_NL[torch.argsort(distance_N, stable=True)[len(latents_NL) // 2 :]].double().numpy()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # equal frames have fewer centres
        means = KMeans(min(count, len(far_ML)), n_init=10, random_state=seed).fit(far_ML)
    return torch.from_numpy(means.cluster_centers_)
