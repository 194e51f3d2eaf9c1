"""What has been learned, by either method: the one place that knows there are two."""

from learner.model.clusters.knowledge import Knowledge
from learner.model.paper.knowledge import PaperKnowledge
from learner.settings import LearnerSettings

Learned = Knowledge | PaperKnowledge


def nothing_learned(settings: LearnerSettings) -> Learned:
    """Return an untrained network and no clusters, as ``method`` asks for."""
    return PaperKnowledge.nothing(settings) if settings.method == "paper" else Knowledge.nothing(settings)
