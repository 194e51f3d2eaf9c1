"""The default model: a tied Gaussian mixture over the principal components of an autoencoder's latents.

Axes: N images, B of a query, L latent width, K slots, D dimensions.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from learner.model.clusters.mixture import TiedMixture, squared_distances
from learner.model.clusters.projection import Projection
from learner.model.clusters.uncertainty import Uncertainty
from learner.model.clusters.update import update
from learner.model.clusters.values import ClusterValues
from learner.model.contract import Head, Scores, UpdateInputs, UpdateReport
from learner.model.encoders.autoencoder import AutoencoderEncoder
from learner.part import Saved, prefixed
from learner.settings import LearnerSettings

_UNCERTAINTY = ("modes_KD", "mean_K", "deviation_K", "threshold_K", "recent_K")
_OF_PROJECTION = ("mean_L", "components_DL")
_ENCODER, _PROJECTION, _MIXTURE = "encoder", "projection", "mixture"


class MixtureHead(Head):
    """The clusters as they answer queries, in float32 buffers whose shapes never change: see `Head`.

    A new, merged or renamed cluster changes buffers alone. ``latent`` is the whitened coordinates.
    """

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


@dataclass(frozen=True)
class ClusterModel(ClusterValues):
    """See `learner.model.contract.Model`."""

    @classmethod
    def new(cls, settings: LearnerSettings) -> Self:
        """Return an untrained encoder, drawn from the settings' seed, and no clusters."""
        own = settings.clusters
        slots, dimensions = own.max_clusters, own.projection_dimensions
        mixture, uncertainty = TiedMixture.empty(slots, dimensions), Uncertainty.empty(slots, dimensions)
        return cls(AutoencoderEncoder.new(settings.autoencoder, settings.seed), None, mixture, uncertainty, own)

    def follow(self, scores: Scores, *, moves: bool) -> Self:
        """See `Model.follow`. Novel frames move no cluster: they may be of a class that has none."""
        known_N = scores.excess_N <= 1.0
        mixture = self.mixture
        if moves:
            frames = self.settings.follow_frames
            mixture = mixture.followed(scores.coordinates_ND[known_N], scores.slots_N[known_N], frames)
        uncertainty = self.uncertainty.followed(scores.dispersion_N, scores.slots_N, self.settings.threshold_rate)
        if mixture is not self.mixture:
            uncertainty = replace(uncertainty, modes_KD=mixture.whiten(mixture.means_KD))
        return replace(self, mixture=mixture, uncertainty=uncertainty)

    def learn(self, inputs: UpdateInputs, generator: torch.Generator) -> tuple[Self, UpdateReport]:
        """See `Model.learn`, `learner.model.clusters.update`."""
        return update(self, inputs, generator)

    def served(self) -> MixtureHead:
        """See `Model.served`."""
        return MixtureHead(self.fitted_projection(), self.mixture, self.uncertainty).eval()

    def save(self) -> Saved:
        """See `Part.save`."""
        encoder = self.encoder.save()
        tensors = dict(prefixed(_ENCODER, encoder.tensors))
        if self.projection is not None:
            tensors |= prefixed(_PROJECTION, vars(self.projection))
        tensors |= prefixed(_MIXTURE, self.mixture.tensors())
        tensors |= prefixed("uncertainty", {name: getattr(self.uncertainty, name) for name in _UNCERTAINTY})
        values: dict[str, Any] = {_ENCODER: dict(encoder.values)} if encoder.values else {}
        return Saved(values | {"next_cluster_id": self.mixture.next_id}, tensors)

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`."""
        encoder = AutoencoderEncoder.load(Saved(saved.values.get(_ENCODER, {}), saved.below(_ENCODER)), settings)
        space, known = saved.below(_PROJECTION), saved.below("uncertainty")
        projection = Projection(*(space[name] for name in _OF_PROJECTION)) if space else None
        mixture = TiedMixture.of_tensors(saved.below(_MIXTURE), saved.values["next_cluster_id"])
        uncertainty = Uncertainty(*(known[name] for name in _UNCERTAINTY))
        return cls(encoder, projection, mixture, uncertainty, settings.clusters)
