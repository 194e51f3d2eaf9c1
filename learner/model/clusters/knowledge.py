"""What has been learned: replaced whole by an update, never changed in place.

Axes: N images, C = 3 channels, S = input size, K slots, D dimensions.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.projection import Projection
from learner.model.clusters.uncertainty import Uncertainty
from learner.model.encoders.autoencoder import Autoencoder, in_batches
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class Scores:
    """How each of N frames looks to the model: its place, its cluster's slot, d_i, (d_i − μ_k)/σ_k and d_i > τ_k."""

    coordinates_ND: Tensor
    slots_N: Tensor
    dispersion_N: Tensor
    excess_N: Tensor
    uncertain_N: Tensor


@dataclass(frozen=True)
class Knowledge:
    """The network and the clusters it sees; ``projection`` is None until the first update."""

    network: Autoencoder
    projection: Projection | None
    mixture: TiedMixture
    uncertainty: Uncertainty

    @classmethod
    def nothing(cls, settings: LearnerSettings) -> "Knowledge":
        """Return an untrained network, drawn from the settings' seed, and no clusters."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            network = Autoencoder(settings.encoder_channels, settings.input_size).eval()
        slots, dimensions = settings.max_clusters, settings.projection_dimensions
        return cls(network, None, TiedMixture.empty(slots, dimensions), Uncertainty.empty(slots, dimensions))

    @property
    def has_learned(self) -> bool:
        """Whether there has been an update, so that frames can be scored."""
        return self.projection is not None

    def looks_back(self, settings: LearnerSettings) -> bool:
        """Say whether a later update may look again at frames that were trained on: only while the model is young."""
        return self.mixture.is_young(settings.regroup_frames)

    def followed(self, scores: Scores, settings: LearnerSettings, *, moves: bool) -> "Knowledge":
        """Return the knowledge after a micro-task: thresholds move with their frames, and where ``moves``, clusters do.

        Frames that look novel move no cluster, they may be of a class that has none.
        """
        known_N = scores.excess_N <= 1.0
        mixture = self.mixture
        if moves:
            mixture = mixture.followed(scores.coordinates_ND[known_N], scores.slots_N[known_N], settings.follow_frames)
        uncertainty = self.uncertainty.followed(scores.dispersion_N, scores.slots_N, settings.threshold_rate)
        if mixture is not self.mixture:
            uncertainty = replace(uncertainty, modes_KD=mixture.whiten(mixture.means_KD))
        return replace(self, mixture=mixture, uncertainty=uncertainty)

    def coordinates(self, images_NCSS: Tensor) -> Tensor:
        """Return where images lie in the mixture's space [N, D]. Call only after the first update."""
        if self.projection is None:
            message = "there is nothing to score with before the first update; check `has_learned` first"
            raise ValueError(message)
        return self.projection.forward(in_batches(self.network.encode, images_NCSS))

    def score(self, images_NCSS: Tensor) -> Scores:
        """Score frames with the model as it is; changes nothing. Call only after the first update."""
        coordinates_ND = self.coordinates(images_NCSS)
        slots_N = self.mixture.probabilities(coordinates_ND).argmax(1)
        dispersion_N = self.uncertainty.dispersion(self.mixture.whiten(coordinates_ND), slots_N)
        excess_N = self.uncertainty.excess(dispersion_N, slots_N)
        uncertain_N = self.uncertainty.uncertain(dispersion_N, slots_N)
        return Scores(coordinates_ND, slots_N, dispersion_N, excess_N, uncertain_N)
