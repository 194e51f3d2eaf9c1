"""Stream level: has the world changed? A detector is shown each frame's excess and answers with its evidence.

The excess is SG-UDFM's (d_i − μ_k) / σ_k, calibrated on frames that a cluster was not fitted to: about 0 for a frame of
what is known, whatever the data, and above it for one that is not. So one threshold serves all data. The detectors
beside PageHinkley are in `learner.change.detectors`.

Source: Page, "Continuous Inspection Schemes", Biometrika 41 (1954); river.drift.PageHinkley.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from river.drift import PageHinkley

from learner.settings import LearnerSettings

DetectorState = dict[str, Any]
"""Plain numbers, strings and lists: what JSON holds."""

_MEAN = "_x_mean"
_KNOWN_FRAMES = 100  # of excess 0, so that a change right after an update is not taken for what is usual
_SUMS = ("sum_increase", "sum_decrease", "min_increase", "max_decrease")


@dataclass(frozen=True)
class DriftSignal:
    """A change was noticed: by which detector, its statistic and threshold, and at which frame of the micro-task."""

    detector: str
    statistic: float
    threshold: float
    frame: int


class DriftDetector(Protocol):
    """Watches the excess of one frame after the other for a rise; never for a fall.

    It begins with what known frames look like, and after a signal it begins anew. What it holds is bounded however long
    it watches. Nothing blocks; nothing is drawn that a seed does not decide.
    """

    @property
    def name(self) -> str:
        """Stands in the evidence and in checkpoints."""
        ...

    def update(self, excess: float, frame: int) -> DriftSignal | None:
        """Learn one frame's excess; return the signal if this frame completes the evidence for a change.

        Parameters
        ----------
        excess
            In standard deviations of the frame's own cluster.
        frame
            The frame's place in its micro-task; stands in the evidence.
        """
        ...

    def to_state(self) -> DetectorState:
        """Return what it holds; empty if it was shown nothing since it began."""
        ...

    def restore(self, state: DetectorState) -> None:
        """Continue from what `to_state` of a detector of this name returned, bit for bit; call on a new one."""
        ...


class PageHinkleyDetector:
    """PageHinkley, begun with known frames: a cumulative sum of what exceeds δ, with the threshold λ."""

    name = "page_hinkley"

    def __init__(self, settings: LearnerSettings) -> None:
        self._settings = settings
        self._river = self._begun()
        self._was_shown = False

    def update(self, excess: float, frame: int) -> DriftSignal | None:
        """See `DriftDetector.update`.

        Examples
        --------
        >>> detector = PageHinkleyDetector(LearnerSettings())
        >>> signals = [detector.update(excess, i) for i, excess in enumerate([0.0] * 50 + [3.0] * 50)]
        >>> next(signal.frame for signal in signals if signal)
        57
        """
        self._was_shown = True
        self._river.update(min(excess, self._settings.excess_limit))  # type: ignore[no-untyped-call]
        if not self._river.drift_detected:
            return None
        state = vars(self._river)
        statistic = float(state["_sum_increase"] - state["_min_increase"])
        self._river, self._was_shown = self._begun(), False
        return DriftSignal(self.name, statistic, self._settings.drift_threshold, frame)

    def to_state(self) -> DetectorState:
        """Return the running sums. See `DriftDetector.to_state`."""
        if not self._was_shown:
            return {}
        state = vars(self._river)
        mean = vars(state[_MEAN])
        return {name: float(state[f"_{name}"]) for name in _SUMS} | {
            "n": float(mean["n"]),
            "mean": float(mean["_mean"]),
        }

    def restore(self, state: DetectorState) -> None:
        """See `DriftDetector.restore`."""
        if state:
            self._was_shown = True
            vars(self._river).update({f"_{name}": state[name] for name in _SUMS})
            vars(vars(self._river)[_MEAN]).update(n=state["n"], _mean=state["mean"])

    def _begun(self) -> PageHinkley:
        river = PageHinkley(
            min_instances=self._settings.drift_min_frames,
            delta=self._settings.drift_delta,
            threshold=self._settings.drift_threshold,
            mode="up",
        )
        for _ in range(_KNOWN_FRAMES):
            river.update(0.0)  # type: ignore[no-untyped-call]
        return river
