"""The published method's clusters as they answer queries: float32 buffers whose shapes never change.

Axes: B images, K slots (``max_clusters``), L latent width, R rotations: 1, or K where the covariances are full.
"""

import torch
from torch import Tensor

from learner.model.contract import Head
from learner.model.paper.latent_mixture import LatentMixture
from learner.model.paper.sg_udfm import Feedback

_DEAD = -1e9  # of a slot without a cluster, far below any log posterior


class PaperHead(Head):
    """See `Head`: the probabilities are the posteriors γ_ik, and ``latent`` is the encoder's.

    With full covariances a version holds one matrix for each slot, 67 MB for 64 slots; 1 MB otherwise.
    """

    def __init__(self, mixture: LatentMixture, feedback: Feedback, slots: int) -> None:
        super().__init__()
        rotation_RLL, scale_KL = _factors(mixture)
        volume_K = rotation_RLL.diagonal(dim1=1, dim2=2).log().sum(1) + scale_KL.log().sum(1)
        log_weight_K = mixture.weights_K.log() + volume_K
        self._buffer("rotation_RLL", rotation_RLL if len(rotation_RLL) == 1 else _padded(rotation_RLL, slots, 0.0))
        self._buffer("scale_KL", _padded(scale_KL, slots, 1.0))
        self._buffer("means_KD", _padded((mixture.means_KL[:, None] @ rotation_RLL)[:, 0], slots, 0.0))
        self._buffer("log_weight_K", _padded(log_weight_K - log_weight_K.max(), slots, _DEAD))
        self._buffer("modes_KL", _padded(feedback.modes_KL, slots, 0.0))
        self._buffer("threshold_K", _padded(feedback.threshold_K, slots, 1.0))
        self.latent_size = mixture.means_KL.shape[1]
        self.cluster_ids = _padded(mixture.ids_K, slots, -1).tolist()

    def forward(self, latents_BL: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Head`."""
        turned_BRL = (latents_BL @ self.get_buffer("rotation_RLL")).transpose(0, 1)
        gaps_BKL = (turned_BRL - self.get_buffer("means_KD")) * self.get_buffer("scale_KL")
        scores_BK = self.get_buffer("log_weight_K") - 0.5 * gaps_BKL.square().sum(2)
        slots_B = scores_BK.argmax(1)
        dispersion_B = (latents_BL - self.get_buffer("modes_KL")[slots_B]).square().mean(1)
        return torch.softmax(scores_BK, dim=1), dispersion_B / self.get_buffer("threshold_K")[slots_B], latents_BL

    def _buffer(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value.detach().to(torch.float32).clone())


def _factors(mixture: LatentMixture) -> tuple[Tensor, Tensor]:
    """Return the precisions' factors as matrices [R, L, L] times a diagonal of each component [K, L]."""
    count, width = mixture.means_KL.shape
    ones_KL = torch.ones(count, width, dtype=torch.float64)
    if mixture.covariance == "full":
        return mixture.factors, ones_KL
    if mixture.covariance == "tied":
        return mixture.factors[None], ones_KL
    own_KL = mixture.factors if mixture.covariance == "diag" else mixture.factors[:, None] * ones_KL
    return torch.eye(width, dtype=torch.float64)[None], own_KL


def _padded(values: Tensor, slots: int, filling: float) -> Tensor:
    """Return the values with dead slots behind them."""
    padded = torch.full((slots, *values.shape[1:]), filling, dtype=values.dtype)
    padded[: len(values)] = values
    return padded
