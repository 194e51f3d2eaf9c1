"""The published method's model: the frontier model, the clusters of stage A, and what stage B keeps of each.

Axes: N images, K clusters, L latent width.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from learner.model.contract import Scores, Traits, UpdateInputs, UpdateReport
from learner.model.paper.frontier import FrontierEncoder
from learner.model.paper.head import PaperHead
from learner.model.paper.latent_mixture import LatentMixture
from learner.model.paper.sg_udfm import Feedback, no_feedback
from learner.model.paper.update import PaperValues, paper_update
from learner.part import Saved, prefixed
from learner.settings import LearnerSettings

_FEWEST_FRAMES = 49  # as many as the default method needs, so that both begin alike
_ENCODER, _MIXTURE, _FEEDBACK = "encoder", "mixture", "feedback"
_OF_MIXTURE = ("weights_K", "means_KL", "factors", "ids_K")
_OF_FEEDBACK = ("modes_KL", "mean_K", "deviation_K", "threshold_K", "recent_K")


@dataclass(frozen=True)
class PaperModel(PaperValues):
    """See `learner.model.contract.Model`; no clusters before an update. Slots are components, as many as there are."""

    @classmethod
    def new(cls, settings: LearnerSettings) -> Self:
        """Return an untrained network, drawn from the settings' seed, and no clusters."""
        own = settings.paper
        encoder = FrontierEncoder.new(own, settings.seed)
        width = encoder.network.latent_width
        return cls(encoder, LatentMixture.empty(own.covariance, width), no_feedback(width), own)

    @property
    def ids_K(self) -> Tensor:
        """See `Model.ids_K`."""
        return self.mixture.ids_K

    @property
    def traits(self) -> Traits:
        """See `Model.traits`."""
        return Traits(
            has_learned=self.mixture.live_clusters > 0,
            looks_back=False,
            uses_words=False,
            moves="never",
            fewest_frames=_FEWEST_FRAMES,
        )

    def score(self, latents_NL: Tensor) -> Scores:
        """See `Model.score`."""
        if not self.traits.has_learned:
            message = "there are no clusters before the first update; check `traits.has_learned` first"
            raise ValueError(message)
        clusters_N = self.mixture.assign(latents_NL)
        dispersion_N = self.feedback.dispersion(latents_NL, clusters_N)
        excess_N = self.feedback.excess(dispersion_N, clusters_N)
        return Scores(latents_NL, clusters_N, dispersion_N, excess_N, self.feedback.uncertain(dispersion_N, clusters_N))

    def follow(self, scores: Scores, *, moves: bool) -> Self:  # noqa: ARG002  clusters stay, thresholds move
        """See `Model.follow`: each threshold moves by the recursion, at the rate η."""
        rate = self.settings.threshold_rate
        return replace(self, feedback=self.feedback.followed(scores.dispersion_N, scores.slots_N, rate))

    def learn(self, inputs: UpdateInputs, generator: torch.Generator) -> tuple[Self, UpdateReport]:
        """See `Model.learn`, `learner.model.paper.update`."""
        return paper_update(self, inputs, generator)

    def served(self) -> PaperHead:
        """See `Model.served`."""
        if not self.traits.has_learned:
            message = "there is nothing to serve before the first update; check `traits.has_learned` first"
            raise ValueError(message)
        return PaperHead(self.mixture, self.feedback, self.settings.max_clusters).eval()

    def save(self) -> Saved:
        """See `Part.save`."""
        encoder = self.encoder.save()
        tensors = dict(prefixed(_ENCODER, encoder.tensors))
        tensors |= prefixed(_MIXTURE, {name: getattr(self.mixture, name) for name in _OF_MIXTURE})
        tensors |= prefixed(_FEEDBACK, {name: getattr(self.feedback, name) for name in _OF_FEEDBACK})
        values: dict[str, Any] = {_ENCODER: dict(encoder.values)} if encoder.values else {}
        return Saved(values | {"next_cluster_id": self.mixture.next_id}, tensors)

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`."""
        own, known, feedback = settings.paper, saved.below(_MIXTURE), saved.below(_FEEDBACK)
        weights_K, means_KL, factors, ids_K = (known[name] for name in _OF_MIXTURE)
        next_id = saved.values["next_cluster_id"]
        mixture = LatentMixture(own.covariance, weights_K, means_KL, factors, ids_K, next_id)
        encoder = FrontierEncoder.load(Saved(saved.values.get(_ENCODER, {}), saved.below(_ENCODER)), settings)
        return cls(encoder, mixture, Feedback(*(feedback[name] for name in _OF_FEEDBACK)), own)
