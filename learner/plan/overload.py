"""What happens when frames come faster than they can be learned from.

``lag``: nothing, the learner falls behind and every frame has its turn. ``sample``: a plan covers more records and
learns from the first of so many of each partition; being passed over is then a frame's one, counted effect.
"""

from dataclasses import dataclass

from learner.settings import LearnerSettings
from learner.state import LearnerState
from stream.log import Waiting
from stream.messages.task_plan import TaskPlan

_SPARSEST = 16  # so that a window's frames never lie further apart: a restart reads what is between them too


@dataclass(frozen=True)
class OverloadChange:
    """Sampling has begun or, where ``keep_one_in`` is 1, ended; ``frames_skipped`` were passed over by then."""

    keep_one_in: int
    frames_skipped: int


def keep_one_in(waiting: Waiting, wanted_frames: int, last: int, settings: LearnerSettings) -> int:
    """Return which share of the records the next plan learns from: one in 1, 2, 4, 8 or 16.

    Twice as sparse for each time that the backlog exceeds ``overload_lag_frames``; once sampling, until it is below
    half of that, so that the policy does not flutter. Never sparser than what is polled can fill a plan.

    Parameters
    ----------
    last
        What the last plan kept: above 1 under overload.
    """
    if settings.overload == "lag":
        return 1
    limit = settings.overload_lag_frames if last == 1 else max(1, settings.overload_lag_frames // 2)
    here = sum(len(records) for records in waiting.records.values())
    sparse = 1
    while sparse < _SPARSEST and here + waiting.behind > sparse * limit and here >= 2 * sparse * wanted_frames:
        sparse *= 2
    return sparse


def overload_change(state: LearnerState, plan: TaskPlan) -> OverloadChange | None:
    """Return what the plan changes about sampling; None where it goes on as before."""
    if (plan.keep_one_in == 1) == (state.progress.keep_one_in == 1):
        return None
    return OverloadChange(plan.keep_one_in, state.progress.frames_skipped)
