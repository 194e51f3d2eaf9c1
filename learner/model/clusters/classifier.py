"""The model as it answers queries: everything learned, in float32 buffers whose shapes never change.

Axes: B images, H × W pixels, C = 3 channels, L latent width, D dimensions, K slots.
"""

import torch
from torch import Tensor, nn

from learner.intake.preprocess import resize
from learner.model.clusters.knowledge import Knowledge
from learner.model.clusters.mixture import squared_distances
from learner.model.learned import Learned
from learner.model.paper.classifier import PaperClassifier
from learner.model.paper.knowledge import PaperKnowledge
from learner.settings import LearnerSettings


def classifier_of(knowledge: Learned, settings: LearnerSettings) -> "Classifier | PaperClassifier":
    """Return the model of either method; see the classes for the errors."""
    if isinstance(knowledge, PaperKnowledge):
        return PaperClassifier(knowledge, settings)
    return Classifier(knowledge, settings)


class Classifier(nn.Module):
    """Images to cluster probabilities; a birth, a merge or a rename only changes buffers.

    Parameters
    ----------
    knowledge
        After at least one update.
    settings
        For the resize rule.
    """

    def __init__(self, knowledge: Knowledge, settings: LearnerSettings) -> None:
        super().__init__()
        if knowledge.projection is None:
            message = "there is nothing to serve before the first update; check `knowledge.projection` first"
            raise ValueError(message)
        self.input_size, self.aspect = settings.input_size, settings.aspect
        self.network = knowledge.network
        projection, mixture, uncertainty = knowledge.projection, knowledge.mixture, knowledge.uncertainty
        self._buffer("latent_mean_L", projection.mean_L)
        self._buffer("whiten_DL", mixture.whiten(projection.components_DL.T).T)
        self._buffer("means_KD", mixture.whiten(mixture.means_KD))
        self._buffer("modes_KD", uncertainty.modes_KD)
        self._buffer("threshold_K", uncertainty.threshold_K)
        self._buffer("live_K", mixture.live_K)
        self.register_buffer("ids_K", mixture.ids_K.clone())

    def forward(self, images_BHWC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return each slot's probability [B, K], d_i / τ_k of the likeliest slot [B], whitened coordinates [B, D]."""
        latents_BL = self.network.encode(resize(images_BHWC, self.input_size, self.aspect))
        points_BD = (latents_BL - self._tensor("latent_mean_L")) @ self._tensor("whiten_DL").T
        penalty_K = (1.0 - self._tensor("live_K")) * 1e9
        scores_BK = -0.5 * squared_distances(points_BD, self._tensor("means_KD")) - penalty_K
        slots_B = scores_BK.argmax(1)
        dispersion_B = (points_BD - self._tensor("modes_KD")[slots_B]).square().mean(1)
        return torch.softmax(scores_BK, dim=1), dispersion_B / self._tensor("threshold_K")[slots_B], points_BD

    def _buffer(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value.detach().to(torch.float32).clone())

    def _tensor(self, name: str) -> Tensor:
        return self.get_buffer(name)
