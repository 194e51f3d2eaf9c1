"""Principal components of the latents: the few dimensions in which the mixture lives.

Axes: N samples, L latent width, D kept dimensions.
"""

from dataclasses import dataclass

import torch
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
    """Fit by singular value decomposition; ``dimensions`` must not exceed N or L.

    Examples
    --------
    >>> line = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> fit_projection(line, 1).forward(line).abs().flatten().round(decimals=3).tolist()
    [1.414, 0.0, 1.414]
    """
    latents = latents_NL.double()
    mean_L = latents.mean(0)
    _, _, rows = torch.linalg.svd(latents - mean_L, full_matrices=False)
    return Projection(mean_L, rows[:dimensions].contiguous())
