"""The default model: a tied Gaussian mixture over the principal components of an autoencoder's latents.

Axes: N images, L latent width, K slots, D dimensions.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from learner.model.clusters.head import MixtureHead
from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.projection import Projection
from learner.model.clusters.settings import ClusterSettings
from learner.model.clusters.uncertainty import Uncertainty
from learner.model.clusters.update import update
from learner.model.contract import Scores, Traits, UpdateInputs, UpdateReport
from learner.model.encoders.autoencoder import AutoencoderEncoder
from learner.part import Saved, prefixed
from learner.settings import LearnerSettings

_UNCERTAINTY = ("modes_KD", "mean_K", "deviation_K", "threshold_K", "recent_K")
_OF_PROJECTION = ("mean_L", "components_DL")
_ENCODER, _PROJECTION, _MIXTURE = "encoder", "projection", "mixture"


@dataclass(frozen=True)
class ClusterModel:
    """See `learner.model.contract.Model`; ``projection`` is None until the first update."""

    encoder: AutoencoderEncoder
    projection: Projection | None
    mixture: TiedMixture
    uncertainty: Uncertainty
    settings: ClusterSettings

    @classmethod
    def new(cls, settings: LearnerSettings) -> Self:
        """Return an untrained encoder, drawn from the settings' seed, and no clusters."""
        own = settings.clusters
        slots, dimensions = own.max_clusters, own.projection_dimensions
        mixture, uncertainty = TiedMixture.empty(slots, dimensions), Uncertainty.empty(slots, dimensions)
        return cls(AutoencoderEncoder.new(settings.autoencoder, settings.seed), None, mixture, uncertainty, own)

    @property
    def ids_K(self) -> Tensor:
        """See `Model.ids_K`."""
        return self.mixture.ids_K

    @property
    def traits(self) -> Traits:
        """See `Model.traits`."""
        return Traits(
            has_learned=self.projection is not None,
            looks_back=self.mixture.is_young(self.settings.regroup_frames),
            uses_words=True,
            moves=self.settings.follow,
            fewest_frames=self.settings.projection_dimensions + 1,
        )

    def coordinates(self, latents_NL: Tensor) -> Tensor:
        """Return where latents lie in the mixture's space [N, D]. Call only after the first update."""
        return self._fitted().forward(latents_NL)

    def latents_of(self, coordinates_ND: Tensor) -> Tensor:
        """Return the nearest latents [N, L] that the encoder could have given. Call only after the first update."""
        return self._fitted().backward(coordinates_ND).clamp_min(self.encoder.least_latent).float()

    def score(self, latents_NL: Tensor) -> Scores:
        """See `Model.score`."""
        coordinates_ND = self.coordinates(latents_NL)
        slots_N = self.mixture.probabilities(coordinates_ND).argmax(1)
        dispersion_N = self.uncertainty.dispersion(self.mixture.whiten(coordinates_ND), slots_N)
        excess_N = self.uncertainty.excess(dispersion_N, slots_N)
        uncertain_N = self.uncertainty.uncertain(dispersion_N, slots_N)
        return Scores(coordinates_ND, slots_N, dispersion_N, excess_N, uncertain_N)

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
        return MixtureHead(self._fitted(), self.mixture, self.uncertainty).eval()

    def save(self) -> Saved:
        """See `Part.save`."""
        tensors = dict(prefixed(_ENCODER, self.encoder.save().tensors))
        if self.projection is not None:
            tensors |= prefixed(_PROJECTION, vars(self.projection))
        tensors |= prefixed(_MIXTURE, self.mixture.tensors())
        tensors |= prefixed("uncertainty", {name: getattr(self.uncertainty, name) for name in _UNCERTAINTY})
        return Saved({"next_cluster_id": self.mixture.next_id}, tensors)

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`."""
        encoder = AutoencoderEncoder.load(Saved(tensors=saved.below(_ENCODER)), settings)
        space, known = saved.below(_PROJECTION), saved.below("uncertainty")
        projection = Projection(*(space[name] for name in _OF_PROJECTION)) if space else None
        mixture = TiedMixture.of_tensors(saved.below(_MIXTURE), saved.values["next_cluster_id"])
        uncertainty = Uncertainty(*(known[name] for name in _UNCERTAINTY))
        return cls(encoder, projection, mixture, uncertainty, settings.clusters)

    def _fitted(self) -> Projection:
        if self.projection is None:
            message = "there are no clusters before the first update; check `traits.has_learned` first"
            raise ValueError(message)
        return self.projection
