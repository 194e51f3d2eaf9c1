"""The published method's model as it answers queries: float32 buffers whose shapes never change.

Axes: B images, H × W pixels, C = 3 channels, K slots (``max_clusters``), L latent width, R rotations: 1, or K where
the covariances are full.
"""

import copy

import torch
from torch import Tensor, nn

from learner.intake.preprocess import resize
from learner.model.paper.frontier import FrontierModel
from learner.model.paper.knowledge import PaperKnowledge
from learner.model.paper.latent_mixture import LatentMixture
from learner.settings import LearnerSettings

_DEAD = -1e9  # of a slot without a cluster, far below any log posterior


class PaperClassifier(nn.Module):
    """Images to posteriors γ_ik; it answers as `learner.model.clusters.classifier.Classifier` does.

    With full covariances a version holds one matrix for each slot, 67 MB for 64 slots; 1 MB otherwise.

    Parameters
    ----------
    knowledge
        After at least one update.
    settings
        For the resize rule and the number of slots.
    """

    def __init__(self, knowledge: PaperKnowledge, settings: LearnerSettings) -> None:
        super().__init__()
        if not knowledge.has_learned:
            message = "there is nothing to serve before the first update; check `knowledge.has_learned` first"
            raise ValueError(message)
        self.input_size, self.aspect = settings.input_size, settings.aspect
        self.network = _encoder_of(knowledge.network)
        mixture, feedback, slots = knowledge.mixture, knowledge.feedback, settings.max_clusters
        rotation_RLL, scale_KL = _factors(mixture)
        volume_K = rotation_RLL.diagonal(dim1=1, dim2=2).log().sum(1) + scale_KL.log().sum(1)
        log_weight_K = mixture.weights_K.log() + volume_K
        self._buffer("rotation_RLL", rotation_RLL if len(rotation_RLL) == 1 else _padded(rotation_RLL, slots, 0.0))
        self._buffer("scale_KL", _padded(scale_KL, slots, 1.0))
        self._buffer("means_KD", _padded((mixture.means_KL[:, None] @ rotation_RLL)[:, 0], slots, 0.0))
        self._buffer("log_weight_K", _padded(log_weight_K - log_weight_K.max(), slots, _DEAD))
        self._buffer("modes_KL", _padded(feedback.modes_KL, slots, 0.0))
        self._buffer("threshold_K", _padded(feedback.threshold_K, slots, 1.0))
        self.register_buffer("ids_K", _padded(mixture.ids_K, slots, -1))

    def forward(self, images_BHWC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return each slot's posterior [B, K], d_i / τ_k of the likeliest slot [B], latents [B, L]."""
        latents_BL = self.network.encode(resize(images_BHWC, self.input_size, self.aspect))
        turned_BRL = (latents_BL @ self.get_buffer("rotation_RLL")).transpose(0, 1)
        gaps_BKL = (turned_BRL - self.get_buffer("means_KD")) * self.get_buffer("scale_KL")
        scores_BK = self.get_buffer("log_weight_K") - 0.5 * gaps_BKL.square().sum(2)
        slots_B = scores_BK.argmax(1)
        dispersion_B = (latents_BL - self.get_buffer("modes_KL")[slots_B]).square().mean(1)
        return torch.softmax(scores_BK, dim=1), dispersion_B / self.get_buffer("threshold_K")[slots_B], latents_BL

    def _buffer(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value.detach().to(torch.float32).clone())


def _encoder_of(network: FrontierModel) -> FrontierModel:
    """Return a copy without decoder and without the norms' counts of batches: values that no answer depends on."""
    encoder = copy.deepcopy(network)
    encoder.decoder_deep = encoder.decoder_middle = nn.Sequential()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked = None
    return encoder


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
