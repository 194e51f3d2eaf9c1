"""Which detector watches the excess: river's ADWIN and KSWIN beside PageHinkley, and two that bound what one can reach.

==================  ===============================================================================================
``page_hinkley``    sums what exceeds δ; signals at λ (see `learner.drift`)
``adwin``           a window that is cut where two parts of it differ (Bifet and Gavaldà, SIAM Data Mining 2007)
``kswin``           Kolmogorov-Smirnov of the newest means against a window of them (Raab et al., Neurocomputing 2020)
``never``           no signal: updates come of the longest interval alone
``always``          a signal for each frame
==================  ===============================================================================================

ADWIN and KSWIN begin with drawn excesses of known frames, as PageHinkley begins with zeros: all are reset by an update,
and a change right after it is not to be taken for what is usual. They see a fall too; that is no change of the world.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN, KSWIN

from learner.change.drift import DetectorState, DriftDetector, DriftSignal, PageHinkleyDetector
from learner.settings import LearnerSettings

_MOST_SHOWN = 1024  # inputs in a checkpoint; an update resets a detector after 256 by default
_SEED = 0  # of the drawn excesses and of KSWIN's own draws: the same in every detector that is begun

_ADWIN_KNOWN = 100
_ADWIN_FEWEST = 5  # frames on each side of a cut

_KSWIN_MEAN_OF = 8  # frames: a test costs 380 µs
_KSWIN_WINDOW = 60  # means
_KSWIN_NEWEST = 10  # of them, against as many drawn from the others


@dataclass(frozen=True)
class Found:
    """What a river detector fired at: evidence above its threshold, and whether the excess rose."""

    statistic: float
    threshold: float
    rose: bool


class Watch(Protocol):
    """One of river's detectors from its beginning on."""

    def found(self, value: float) -> Found | None:
        """Take in one value; say what was found, after which the watch is not used again."""
        ...


class AdwinWatch:
    """ADWIN on each frame. The statistic is the largest difference of means at a cut, over its bound ε_cut: above 1."""

    def __init__(self, settings: LearnerSettings) -> None:
        self._delta = settings.drift_adwin_delta
        self._values = np.random.default_rng(_SEED).normal(size=_ADWIN_KNOWN).tolist()
        self._river = ADWIN(delta=self._delta, clock=1, min_window_length=_ADWIN_FEWEST)  # type: ignore[no-untyped-call]
        for value in self._values:
            self._river.update(value)  # type: ignore[no-untyped-call]

    def found(self, value: float) -> Found | None:
        """See `Watch.found`."""
        self._values.append(value)
        self._river.update(value)  # type: ignore[no-untyped-call]
        if not self._river.drift_detected:
            return None
        ratio = _difference_over_bound(np.asarray(self._values), self._delta)
        return Found(abs(ratio), 1.0, rose=ratio > 0)


class KswinWatch:
    """KSWIN on means of eight frames. The statistic is -log10 of the test's p-value."""

    def __init__(self, settings: LearnerSettings) -> None:
        self._alpha = settings.drift_kswin_alpha
        known = np.random.default_rng(_SEED).normal(scale=_KSWIN_MEAN_OF**-0.5, size=_KSWIN_WINDOW)
        self._values: list[float] = []
        self._means: list[float] = known.tolist()
        self._river = KSWIN(self._alpha, _KSWIN_WINDOW, _KSWIN_NEWEST, seed=_SEED, window=self._means)

    def found(self, value: float) -> Found | None:
        """See `Watch.found`."""
        self._values.append(value)
        if len(self._values) < _KSWIN_MEAN_OF:
            return None
        self._means = [*self._means[1:], float(np.mean(self._values))]
        self._values = []
        self._river.update(self._means[-1])  # type: ignore[no-untyped-call]
        if not self._river.drift_detected:
            return None
        older, newest = self._means[:-_KSWIN_NEWEST], self._means[-_KSWIN_NEWEST:]
        evidence, needed = (float(-np.log10(p)) for p in (self._river.p_value, self._alpha))
        return Found(evidence, needed, rose=bool(np.mean(newest) > np.mean(older)))


class Shown:
    """A detector whose state is what it was shown since it began: restored by showing it that again.

    Parameters
    ----------
    name
        Stands in the evidence and in checkpoints.
    begin
        Makes a watch that was shown nothing.
    limit
        One frame counts at most so much.
    """

    def __init__(self, name: str, begin: Callable[[], Watch], limit: float) -> None:
        self.name = name
        self._begin = begin
        self._limit = limit
        self._watch = begin()
        self._shown: list[float] = []

    def update(self, excess: float, frame: int) -> DriftSignal | None:
        """See `DriftDetector.update`."""
        value = min(excess, self._limit)
        self._shown.append(value)
        found = self._watch.found(value)
        if found is not None:
            self._show([])
            return DriftSignal(self.name, found.statistic, found.threshold, frame) if found.rose else None
        if len(self._shown) >= _MOST_SHOWN:
            self._show(self._shown[-_MOST_SHOWN // 2 :])
        return None

    def to_state(self) -> DetectorState:
        """See `DriftDetector.to_state`."""
        return {"shown": list(self._shown)} if self._shown else {}

    def restore(self, state: DetectorState) -> None:
        """See `DriftDetector.restore`."""
        self._show(state.get("shown", []))

    def _show(self, values: list[float]) -> None:
        """Begin anew, with these values shown; evidence in them was answered before."""
        self._watch, self._shown = self._begin(), []
        for value in values:
            self._shown.append(value)
            if self._watch.found(value) is not None:
                self._watch, self._shown = self._begin(), []


class Never:
    """Never signals."""

    name = "never"

    def update(self, excess: float, frame: int) -> DriftSignal | None:  # noqa: ARG002  the contract's
        """See `DriftDetector.update`."""
        return None

    def to_state(self) -> DetectorState:
        """See `DriftDetector.to_state`."""
        return {}

    def restore(self, state: DetectorState) -> None:
        """See `DriftDetector.restore`."""


class Always(Never):
    """Signals at every frame, whatever its excess."""

    name = "always"

    def update(self, excess: float, frame: int) -> DriftSignal | None:  # noqa: ARG002  the contract's
        """See `DriftDetector.update`."""
        return DriftSignal(self.name, 1.0, 0.0, frame)


_DETECTORS: dict[str, Callable[[LearnerSettings], DriftDetector]] = {
    "page_hinkley": PageHinkleyDetector,
    "adwin": lambda settings: Shown("adwin", lambda: AdwinWatch(settings), settings.excess_limit),
    "kswin": lambda settings: Shown("kswin", lambda: KswinWatch(settings), settings.excess_limit),
    "never": lambda _: Never(),
    "always": lambda _: Always(),
}


def new_detector(settings: LearnerSettings) -> DriftDetector:
    """Return a detector of the kind ``settings.drift_detector`` that was shown nothing.

    Examples
    --------
    >>> new_detector(LearnerSettings(drift_detector="adwin")).name
    'adwin'
    """
    return _DETECTORS[settings.drift_detector](settings)


def _difference_over_bound(values: NDArray[np.float64], delta: float) -> float:
    """Return, at the cut where it is largest, the newer mean minus the older over ADWIN's ε_cut, as river bounds it."""
    older = np.arange(_ADWIN_FEWEST, len(values) - _ADWIN_FEWEST + 1)
    newer = len(values) - older
    sums = np.cumsum(values)
    differences = (sums[-1] - sums[older - 1]) / newer - sums[older - 1] / older
    weight = 1 / (older - _ADWIN_FEWEST + 1) + 1 / (newer - _ADWIN_FEWEST + 1)
    doubt = np.log(2 * np.log(len(values)) / delta)
    ratios = differences / (np.sqrt(2 * weight * values.var() * doubt) + 2 / 3 * weight * doubt)
    return float(ratios[np.abs(ratios).argmax()])
