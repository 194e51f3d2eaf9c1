"""The published method's knowledge to and from a checkpoint's tensors."""

from collections.abc import Mapping

from torch import Tensor

from learner.model.paper.frontier import FrontierModel
from learner.model.paper.knowledge import PaperKnowledge
from learner.model.paper.latent_mixture import LatentMixture
from learner.model.paper.sg_udfm import Feedback
from learner.settings import LearnerSettings

_MIXTURE = ("weights_K", "means_KL", "factors", "ids_K")
_FEEDBACK = ("modes_KL", "mean_K", "deviation_K", "threshold_K", "recent_K")


def paper_tensors(knowledge: PaperKnowledge) -> dict[str, Tensor]:
    """Return every learned value by name."""
    tensors = {f"network.{name}": value for name, value in knowledge.network.state_dict().items()}
    tensors |= {f"mixture.{name}": getattr(knowledge.mixture, name) for name in _MIXTURE}
    return tensors | {f"feedback.{name}": getattr(knowledge.feedback, name) for name in _FEEDBACK}


def paper_knowledge(settings: LearnerSettings, tensors: Mapping[str, Tensor], next_id: int) -> PaperKnowledge:
    """Return what `paper_tensors` described."""
    network = FrontierModel(settings.paper_channels, settings.input_size)
    weights = {name: value for name, value in tensors.items() if name.startswith("network.")}
    network.load_state_dict({name.removeprefix("network."): value for name, value in weights.items()})
    weights_K, means_KL, factors, ids_K = (tensors[f"mixture.{name}"] for name in _MIXTURE)
    mixture = LatentMixture(settings.paper_covariance, weights_K, means_KL, factors, ids_K, next_id)
    return PaperKnowledge(network.eval(), mixture, Feedback(*(tensors[f"feedback.{name}"] for name in _FEEDBACK)))
