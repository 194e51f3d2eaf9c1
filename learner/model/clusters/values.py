"""What the default model has learned, as one value: the encoder, the projection, the mixture, the thresholds.

Axes: N images, L latent width, K slots, D dimensions.
"""

from dataclasses import dataclass

from torch import Tensor

from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.projection import Projection
from learner.model.clusters.uncertainty import Uncertainty
from learner.model.contract import DecodingEncoder, Scores, Traits
from learner.settings import ClusterSettings


@dataclass(frozen=True)
class ClusterValues:
    """The values of a `ClusterModel`; ``projection`` is None until the first update."""

    encoder: DecodingEncoder
    projection: Projection | None
    mixture: TiedMixture
    uncertainty: Uncertainty
    settings: ClusterSettings

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
        return self.fitted_projection().forward(latents_NL)

    def latents_of(self, coordinates_ND: Tensor) -> Tensor:
        """Return the nearest latents [N, L] that the encoder could have given. Call only after the first update."""
        return self.fitted_projection().backward(coordinates_ND).clamp_min(self.encoder.least_latent).float()

    def score(self, latents_NL: Tensor) -> Scores:
        """See `Model.score`."""
        coordinates_ND = self.coordinates(latents_NL)
        slots_N = self.mixture.probabilities(coordinates_ND).argmax(1)
        dispersion_N = self.uncertainty.dispersion(self.mixture.whiten(coordinates_ND), slots_N)
        excess_N = self.uncertainty.excess(dispersion_N, slots_N)
        uncertain_N = self.uncertainty.uncertain(dispersion_N, slots_N)
        return Scores(coordinates_ND, slots_N, dispersion_N, excess_N, uncertain_N)

    def fitted_projection(self) -> Projection:
        """Return the projection; raise ValueError before the first update."""
        if self.projection is None:
            message = "there are no clusters before the first update; check `traits.has_learned` first"
            raise ValueError(message)
        return self.projection
