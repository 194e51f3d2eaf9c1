"""When the published method learns: too much of a micro-task is uncertain; μ + σ alone flags 16 % of any stream."""

from learner.change.drift import DriftSignal
from learner.model.clusters.knowledge import Scores
from learner.model.paper.settings import PaperSettings


def uncertain_rate(scores: Scores) -> float:
    """Return the share of frames with d_i > τ_k."""
    return float(scores.uncertain_N.double().mean())


def rate_signal(scores: Scores, settings: PaperSettings) -> DriftSignal | None:
    """Return a signal at the micro-task's last frame if its uncertain rate is above ``paper_uncertain_rate``."""
    rate, limit = uncertain_rate(scores), settings.paper_uncertain_rate
    return DriftSignal("uncertain_rate", rate, limit, len(scores.uncertain_N) - 1) if rate > limit else None
