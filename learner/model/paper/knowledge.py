"""What the published method has learned; it answers as `learner.model.clusters.knowledge.Knowledge` does.

Axes: N images, C = 3 channels, S = input size, K clusters.
"""

from dataclasses import dataclass, replace

from torch import Tensor

from learner.model.clusters.knowledge import Scores
from learner.model.encoders.autoencoder import in_batches
from learner.model.paper.frontier import FrontierModel, new_frontier_model
from learner.model.paper.latent_mixture import LatentMixture
from learner.model.paper.sg_udfm import Feedback, no_feedback
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class PaperKnowledge:
    """The frontier model, the clusters of stage A, and what stage B keeps of each; no clusters before an update."""

    network: FrontierModel
    mixture: LatentMixture
    feedback: Feedback

    @classmethod
    def nothing(cls, settings: LearnerSettings) -> "PaperKnowledge":
        """Return an untrained network, drawn from the settings' seed, and no clusters."""
        network = new_frontier_model(settings.paper_channels, settings.input_size, settings.seed)
        width = network.latent_width
        return cls(network, LatentMixture.empty(settings.paper_covariance, width), no_feedback(width))

    @property
    def has_learned(self) -> bool:
        """Whether there has been an update, so that frames can be scored."""
        return self.mixture.live_clusters > 0

    def looks_back(self, settings: LearnerSettings) -> bool:  # noqa: ARG002  as of the other method
        """See `Knowledge.looks_back`: it never does."""
        return False

    def score(self, images_NCSS: Tensor) -> Scores:
        """Score frames with the model as it is; changes nothing. Call only after the first update."""
        if not self.has_learned:
            message = "score was called before the first update; check `has_learned` first"
            raise ValueError(message)
        latents_NL = in_batches(self.network.encode, images_NCSS)
        clusters_N = self.mixture.assign(latents_NL)
        dispersion_N = self.feedback.dispersion(latents_NL, clusters_N)
        excess_N = self.feedback.excess(dispersion_N, clusters_N)
        return Scores(latents_NL, clusters_N, dispersion_N, excess_N, self.feedback.uncertain(dispersion_N, clusters_N))

    def followed(
        self,
        scores: Scores,
        settings: LearnerSettings,
        *,
        moves: bool,  # noqa: ARG002  as of the other method
    ) -> "PaperKnowledge":
        """Return the knowledge after a micro-task: each threshold moves by the recursion, at the rate η."""
        rate = settings.threshold_rate
        return replace(self, feedback=self.feedback.followed(scores.dispersion_N, scores.slots_N, rate))
