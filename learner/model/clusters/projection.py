"""Principal components of the latents: the few dimensions in which the mixture lives.

Axes: N samples, L latent width, D kept dimensions.
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits
from torch import Tensor


@dataclass(frozen=True)
class Projection:
    """An orthonormal map from latents to D numbers and back; float64.

    Parameters
    ----------
    mean_L, components_DL
        The centre, and one orthonormal row for each dimension.
    """

    mean_L: Tensor
    components_DL: Tensor

    def forward(self, latents_NL: Tensor) -> Tensor:
        """Return coordinates [N, D]."""
        return (latents_NL.double() - self.mean_L) @ self.components_DL.T

    def backward(self, coordinates_ND: Tensor) -> Tensor:
        """Return the latents [N, L] at these coordinates; an encoder may have none there."""
        return coordinates_ND @ self.components_DL + self.mean_L


def fit_projection(latents_NL: Tensor, dimensions: int) -> Projection:
    """Fit scikit-learn's PCA; ``dimensions`` must not exceed N or L.

    Examples
    --------
    >>> line = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> fit_projection(line, 1).forward(line).abs().flatten().round(decimals=3).tolist()
    [1.414, 0.0, 1.414]
    """
    with threadpool_limits(1), np.errstate(invalid="ignore"):  # equal latents have no variance to share out
        fitted = PCA(dimensions, svd_solver="full").fit(latents_NL.double().numpy())
    return Projection(torch.from_numpy(fitted.mean_), torch.from_numpy(fitted.components_.copy()))
