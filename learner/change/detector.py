"""Has the world changed? The contract of what watches the scores, and the evidence that it gives."""

from dataclasses import dataclass
from typing import Protocol, Self

from learner.model.contract import Scores
from learner.part import Part


@dataclass(frozen=True)
class DriftSignal:
    """A change was noticed: by which detector, its statistic and threshold, and at which frame of the micro-task."""

    detector: str
    statistic: float
    threshold: float
    frame: int


class DriftDetector(Part, Protocol):
    """Watches the scores of one micro-task after the other for a rise of uncertainty. A value.

    What it holds is bounded however long it watches. Nothing blocks; nothing is drawn that a seed does not decide.
    """

    @property
    def name(self) -> str:
        """Stands in the evidence and in checkpoints."""
        ...

    def observe(self, scores: Scores) -> tuple[Self, DriftSignal | None]:
        """Return the detector after a micro-task, and the first signal in it.

        Frames after the signal are not looked at, and after a signal the detector begins anew.
        """
        ...

    def renewed(self) -> Self:
        """Return the detector as it was before it saw anything; each update begins anew."""
        ...
