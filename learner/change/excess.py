"""The detector of the default method: one of river's watches over the excess of each frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from learner.change.detector import DriftSignal
from learner.change.watches import Watch, copied, watches
from learner.model.contract import Scores
from learner.part import Saved
from learner.settings import LearnerSettings

_LIMIT = 10.0  # standard deviations that one frame counts at most, so that one odd image is not a change
_MOST_SEEN = 4096  # frames in a checkpoint; an update renews a detector after half a window, 256 frames by default


@dataclass(frozen=True)
class ExcessDetector:
    """See `DriftDetector`. Its state is what it saw since it began; it is restored by seeing that again.

    Examples
    --------
    >>> detector = ExcessDetector.new(LearnerSettings())
    >>> later, signal = detector.observe_excess([0.0] * 50 + [3.0] * 50)
    >>> signal.frame
    57
    """

    name: str
    begin: Callable[[], Watch] = field(repr=False)
    watch: Watch = field(repr=False)
    seen: tuple[float, ...] = ()

    @classmethod
    def new(cls, settings: LearnerSettings) -> Self:
        """Return a detector of the settings' kind that has seen nothing."""
        begin = watches(settings)
        return cls(settings.drift_detector, begin, begin())

    def observe(self, scores: Scores) -> tuple[Self, DriftSignal | None]:
        """See `DriftDetector.observe`."""
        return self.observe_excess(scores.excess_N.tolist())

    def observe_excess(self, excesses: Sequence[float]) -> tuple[Self, DriftSignal | None]:
        """Do as `observe` does, of the frames' excesses alone."""
        watch, seen = copied(self.watch), list(self.seen)
        for frame, excess in enumerate(excesses):
            value = min(excess, _LIMIT)
            seen.append(value)
            found = watch.found(value)
            if found is not None:
                watch, seen = self.begin(), []
                if found.rose:
                    signal = DriftSignal(self.name, found.statistic, found.threshold, frame)
                    return replace(self, watch=watch, seen=()), signal
            elif len(seen) >= _MOST_SEEN:
                watch, seen = _after(self.begin, seen[-_MOST_SEEN // 2 :])
        return replace(self, watch=watch, seen=tuple(seen)), None

    def renewed(self) -> Self:
        """See `DriftDetector.renewed`."""
        return replace(self, watch=self.begin(), seen=())

    def save(self) -> Saved:
        """See `Part.save`."""
        return Saved({"name": self.name, "seen": list(self.seen)})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`; where the settings name another detector, that one begins."""
        new = cls.new(settings)
        if saved.values["name"] != new.name:
            return new
        watch, seen = _after(new.begin, saved.values["seen"])
        return replace(new, watch=watch, seen=tuple(seen))


def _after(begin: Callable[[], Watch], values: Sequence[float]) -> tuple[Watch, list[float]]:
    """Return a watch that has seen these values, and what it holds of them; old evidence was answered before."""
    watch, seen = begin(), list[float]()
    for value in values:
        seen.append(value)
        if watch.found(value) is not None:
            watch, seen = begin(), []
    return watch, seen
