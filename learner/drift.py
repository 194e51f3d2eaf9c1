"""Stream level: has the world changed? river's PageHinkley over each frame's standardised dispersion.

The signal is SG-UDFM's excess (d_i − μ_k) / σ_k, whose scale does not depend on the data: one threshold serves all.
Source: Page, "Continuous Inspection Schemes", Biometrika 41 (1954); river.drift.PageHinkley.
"""

from dataclasses import dataclass

from river.drift import PageHinkley

from learner.settings import LearnerSettings

_MEAN = "_x_mean"
_SUMS = ("sum_increase", "sum_decrease", "min_increase", "max_decrease")


@dataclass(frozen=True)
class DriftSignal:
    """A change was noticed: by which detector, its statistic and threshold, and at which frame of the micro-task."""

    detector: str
    statistic: float
    threshold: float
    frame: int


class DriftDetector:
    """PageHinkley that answers with its evidence and can be saved without pickle."""

    def __init__(self, settings: LearnerSettings) -> None:
        self._limit = settings.excess_limit
        self._river = PageHinkley(
            min_instances=settings.drift_min_frames,
            delta=settings.drift_delta,
            threshold=settings.drift_threshold,
            mode="up",
        )

    def update(self, excess: float, frame: int) -> DriftSignal | None:
        """Learn one frame's excess; return the signal if this frame completes the evidence for a change.

        Examples
        --------
        >>> detector = DriftDetector(LearnerSettings())
        >>> signals = [detector.update(excess, i) for i, excess in enumerate([0.0] * 50 + [3.0] * 50)]
        >>> next(signal.frame for signal in signals if signal)
        58
        """
        self._river.update(min(excess, self._limit))  # type: ignore[no-untyped-call]
        if not self._river.drift_detected:
            return None
        state = vars(self._river)
        statistic = float(state["_sum_increase"] - state["_min_increase"])
        return DriftSignal("page_hinkley", statistic, self._river.threshold, frame)

    def to_state(self) -> dict[str, float]:
        """Return the running sums as plain numbers; empty where the next frame begins anew."""
        state = vars(self._river)
        mean = vars(state[_MEAN])
        if not mean["n"] or self._river.drift_detected:
            return {}
        return {name: float(state[f"_{name}"]) for name in _SUMS} | {
            "n": float(mean["n"]),
            "mean": float(mean["_mean"]),
        }

    def restore(self, state: dict[str, float]) -> None:
        """Continue from what `to_state` returned, bit for bit; call on a new detector."""
        if state:
            vars(self._river).update({f"_{name}": state[name] for name in _SUMS})
            vars(vars(self._river)[_MEAN]).update(n=state["n"], _mean=state["mean"])
