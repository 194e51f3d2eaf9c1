"""What watches the excess of each frame: river's PageHinkley, ADWIN and KSWIN.

The excess is SG-UDFM's (d_i − μ_k) / σ_k, calibrated on frames that a cluster was not fitted to: about 0 for a frame of
what is known, whatever the data, and above it for one that is not. So one threshold serves all data.

==================  ===============================================================================================
``page_hinkley``    sums what exceeds δ; signals at λ (Page, "Continuous Inspection Schemes", Biometrika 41, 1954)
``adwin``           a window that is cut where two parts of it differ (Bifet and Gavaldà, SIAM Data Mining 2007)
``kswin``           Kolmogorov-Smirnov of the newest means against a window of them (Raab et al., Neurocomputing 2020)
==================  ===============================================================================================

Each begins with excesses of known frames, drawn or 0: an update resets it, and a change right after it must not be
taken for what is usual. ADWIN and KSWIN see a fall too; that is no change of the world.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN, KSWIN, PageHinkley
from river.stats import Mean

from learner.settings import LearnerSettings

_SEED = 0  # of the drawn excesses and of KSWIN's own draws: the same in every detector that is begun
_KNOWN = 100  # frames of excess 0 for PageHinkley, drawn ones for ADWIN

_ALPHA = 1 - 0.0001  # PageHinkley's forgetting factor, river's default

_ADWIN_DELTA = 0.002  # the smaller, the fewer false alarms
_ADWIN_FEWEST = 5  # frames on each side of a cut

_KSWIN_ALPHA = 0.0001  # likewise
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


class PageHinkleyWatch:
    """PageHinkley on each frame. The statistic is the sum of what exceeds δ, less its minimum.

    Parameters
    ----------
    delta, threshold
        δ and λ.
    """

    def __init__(self, delta: float, threshold: float) -> None:
        self._delta, self._threshold = delta, threshold
        self._values = [0.0] * _KNOWN
        self._river = PageHinkley(delta=delta, threshold=threshold, alpha=_ALPHA, mode="up")
        for value in self._values:
            self._river.update(value)  # type: ignore[no-untyped-call]

    def found(self, value: float) -> Found | None:
        """See `Watch.found`."""
        self._values.append(value)
        self._river.update(value)  # type: ignore[no-untyped-call]
        if not self._river.drift_detected:
            return None
        return Found(_sum_above_minimum(self._values, self._delta), self._threshold, rose=True)


class AdwinWatch:
    """ADWIN on each frame. The statistic is the largest difference of means at a cut, over its bound ε_cut: above 1."""

    def __init__(self) -> None:
        self._values = np.random.default_rng(_SEED).normal(size=_KNOWN).tolist()
        self._river = ADWIN(delta=_ADWIN_DELTA, clock=1, min_window_length=_ADWIN_FEWEST)  # type: ignore[no-untyped-call]
        for value in self._values:
            self._river.update(value)  # type: ignore[no-untyped-call]

    def found(self, value: float) -> Found | None:
        """See `Watch.found`."""
        self._values.append(value)
        self._river.update(value)  # type: ignore[no-untyped-call]
        if not self._river.drift_detected:
            return None
        ratio = _difference_over_bound(np.asarray(self._values))
        return Found(abs(ratio), 1.0, rose=ratio > 0)


class KswinWatch:
    """KSWIN on means of eight frames. The statistic is -log10 of the test's p-value."""

    def __init__(self) -> None:
        known = np.random.default_rng(_SEED).normal(scale=_KSWIN_MEAN_OF**-0.5, size=_KSWIN_WINDOW)
        self._values: list[float] = []
        self._means: list[float] = known.tolist()
        self._river = KSWIN(_KSWIN_ALPHA, _KSWIN_WINDOW, _KSWIN_NEWEST, seed=_SEED, window=self._means)

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
        evidence, needed = (float(-np.log10(p)) for p in (self._river.p_value, _KSWIN_ALPHA))
        return Found(evidence, needed, rose=bool(np.mean(newest) > np.mean(older)))


def watches(settings: LearnerSettings) -> Callable[[], Watch]:
    """Return what begins a watch of the settings' kind."""
    begin: dict[str, Callable[[], Watch]] = {
        "page_hinkley": lambda: PageHinkleyWatch(settings.drift_delta, settings.drift_threshold),
        "adwin": AdwinWatch,
        "kswin": KswinWatch,
    }
    return begin[settings.drift_detector]


def copied(watch: Watch) -> Watch:
    """Return a watch that goes on by itself; the one that is given stays as it was."""
    return copy.deepcopy(watch)


def _sum_above_minimum(values: list[float], delta: float) -> float:
    """Return PageHinkley's Σ (x − mean − δ) above its minimum, as river computes it."""
    mean, total, least = Mean(), 0.0, float("inf")
    for value in values:
        mean.update(value)
        total = _ALPHA * total + (value - mean.get()) - delta
        least = min(least, total)
    return total - least


def _difference_over_bound(values: NDArray[np.float64]) -> float:
    """Return, at the cut where it is largest, the newer mean minus the older over ADWIN's ε_cut, as river bounds it."""
    older = np.arange(_ADWIN_FEWEST, len(values) - _ADWIN_FEWEST + 1)
    newer = len(values) - older
    sums = np.cumsum(values)
    differences = (sums[-1] - sums[older - 1]) / newer - sums[older - 1] / older
    weight = 1 / (older - _ADWIN_FEWEST + 1) + 1 / (newer - _ADWIN_FEWEST + 1)
    doubt = np.log(2 * np.log(len(values)) / _ADWIN_DELTA)
    ratios = differences / (np.sqrt(2 * weight * values.var() * doubt) + 2 / 3 * weight * doubt)
    return float(ratios[np.abs(ratios).argmax()])
