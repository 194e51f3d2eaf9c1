"""The clusters as they answer queries: everything learned, in float32 buffers whose shapes never change.

Axes: B images, L latent width, D dimensions, K slots.
"""

import torch
from torch import Tensor

from learner.model.clusters.mixture import TiedMixture, squared_distances
from learner.model.clusters.projection import Projection
from learner.model.clusters.uncertainty import Uncertainty
from learner.model.contract import Head


class MixtureHead(Head):
    """See `Head`; a new, merged or renamed cluster changes buffers alone. ``latent`` is the whitened coordinates."""

    def __init__(self, projection: Projection, mixture: TiedMixture, uncertainty: Uncertainty) -> None:
        super().__init__()
        self.latent_size = mixture.means_KD.shape[1]
        self.cluster_ids = mixture.ids_K.tolist()
        self._buffer("latent_mean_L", projection.mean_L)
        self._buffer("whiten_DL", mixture.whiten(projection.components_DL.T).T)
        self._buffer("means_KD", mixture.whiten(mixture.means_KD))
        self._buffer("modes_KD", uncertainty.modes_KD)
        self._buffer("threshold_K", uncertainty.threshold_K)
        self._buffer("live_K", mixture.live_K)

    def forward(self, latents_BL: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Head`."""
        points_BD = (latents_BL - self.get_buffer("latent_mean_L")) @ self.get_buffer("whiten_DL").T
        penalty_K = (1.0 - self.get_buffer("live_K")) * 1e9
        scores_BK = -0.5 * squared_distances(points_BD, self.get_buffer("means_KD")) - penalty_K
        slots_B = scores_BK.argmax(1)
        dispersion_B = (points_BD - self.get_buffer("modes_KD")[slots_B]).square().mean(1)
        return torch.softmax(scores_BK, dim=1), dispersion_B / self.get_buffer("threshold_K")[slots_B], points_BD

    def _buffer(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value.detach().to(torch.float32).clone())
