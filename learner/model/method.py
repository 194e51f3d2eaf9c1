"""Learn by the method of the settings: ours, or the paper's as published."""

import torch

from learner.change.drift import DriftDetector, DriftSignal
from learner.faults import Faults
from learner.model.clusters.knowledge import Scores
from learner.model.clusters.update import Material, UpdateReport, update
from learner.model.learned import Learned
from learner.model.paper.knowledge import PaperKnowledge
from learner.model.paper.trigger import rate_signal
from learner.model.paper.update import paper_update
from learner.settings import LearnerSettings


def signal_in(scores: Scores, detector: DriftDetector, settings: LearnerSettings) -> DriftSignal | None:
    """Return the first signal of a change in a micro-task: from the detector, or from the published uncertain rate."""
    if settings.method == "paper":
        return rate_signal(scores, settings)
    signals = (detector.update(excess, frame) for frame, excess in enumerate(scores.excess_N.tolist()))
    return next((signal for signal in signals if signal is not None), None)


def learn(
    known: Learned, material: Material, settings: LearnerSettings, generator: torch.Generator, faults: Faults
) -> tuple[Learned, UpdateReport]:
    """Return new knowledge of the same method, and what it took; ``known`` itself stays as it was."""
    if isinstance(known, PaperKnowledge):
        return paper_update(known, material, settings, generator, faults)
    return update(known, material, settings, generator, faults)
