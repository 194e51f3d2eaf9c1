"""When the published method learns: too much of a micro-task is uncertain; μ + σ alone flags 16 % of any stream."""

from dataclasses import dataclass
from typing import Self

from learner.change.detector import DriftSignal
from learner.model.contract import Scores
from learner.part import Saved
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class UncertainRate:
    """See `DriftDetector`: signals at the last frame of a micro-task whose uncertain rate is above ``limit``."""

    limit: float

    name = "uncertain_rate"

    @classmethod
    def new(cls, settings: LearnerSettings) -> Self:
        """Return the detector of the settings."""
        return cls(settings.paper.uncertain_rate)

    def observe(self, scores: Scores) -> tuple[Self, DriftSignal | None]:
        """See `DriftDetector.observe`."""
        rate, frames = float(scores.uncertain_N.double().mean()), len(scores.uncertain_N)
        return self, DriftSignal(self.name, rate, self.limit, frames - 1) if rate > self.limit else None

    def renewed(self) -> Self:
        """See `DriftDetector.renewed`."""
        return self

    def save(self) -> Saved:
        """See `Part.save`."""
        return Saved({"name": self.name})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  it holds nothing
        """See `Part.load`."""
        return cls.new(settings)
