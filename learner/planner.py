"""Cut micro-tasks from the stream and write each plan before it is executed.

A plan is cut when the wanted number of frames waits, when the oldest waiting frame is old enough, or when an update has
waited long enough for more frames. Partitions are merged by their records' timestamps, and a full micro-task is
only cut when no record that is still to be polled can belong before its last: a learner that catches up sees the
stream in the order it happened, however the polls fell.
"""

import hashlib
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from learner.faults import Faults
from learner.plan_log import PlanLog
from learner.state import LearnerState
from stream.errors import InvalidSetting, PositionLost
from stream.log import FrameLog, Record, Waiting
from stream.messages import OffsetRange, TaskPlan

Clock = Callable[[], int]
"""Unix milliseconds."""

_NO_COMMANDS = OffsetRange(0, 0)


class Planner:
    """Gives one plan after the other: first those that were written and not yet executed, then new ones.

    Parameters
    ----------
    model
        Its name stands in every plan.
    frames, plans
        Where frames are read and plans are written.
    state
        Of the learner, as loaded; only its position is read here.
    clock
        Stands in every plan, so that an execution never looks at a clock of its own.
    faults
        Test-only.
    """

    def __init__(
        self, model: str, frames: FrameLog, plans: PlanLog, state: LearnerState, clock: Clock, faults: Faults
    ) -> None:
        self._model = model
        self._frames = frames
        self._plans = plans
        self._clock = clock
        self._faults = faults
        written = checked_plans(plans, state)
        self._epoch = max((plan.epoch for plan in written), default=0) + 1
        self._again = deque(plan for plan in written if plan.task_seq > state.task_seq)
        self._waiting_since_ms: int | None = None
        frames.seek(_positions_after(state, self._again))

    def next_plan(self, state: LearnerState, timeout_seconds: float) -> TaskPlan | None:
        """Return the next plan, durable; None if nothing was to be planned within ``timeout_seconds``."""
        if self._again:
            return self._again.popleft()
        self._frames.poll(timeout_seconds)
        now_ms = self._clock()
        ranges = self._cut(state, now_ms)
        if ranges is None:
            return None
        plan = TaskPlan(
            model=self._model,
            epoch=self._epoch,
            task_seq=state.task_seq + 1,
            frames=ranges,
            samples={},
            commands=_NO_COMMANDS,
            seed=derived_seed(state.settings.seed, state.task_seq + 1),
            settings_sha=state.settings.sha256(),
            cut_at_ms=now_ms,
        )
        self._plans.append(plan)
        self._faults.reached("plan_written")
        self._waiting_since_ms = None
        return plan

    def _cut(self, state: LearnerState, now_ms: int) -> dict[int, OffsetRange] | None:
        waiting = self._frames.waiting()
        merged = merge_by_time(waiting.records.values(), state.frames_wanted)
        if merged and self._waiting_since_ms is None:
            self._waiting_since_ms = now_ms
        full = len(merged) >= state.frames_wanted and _is_settled(merged, waiting)
        patience_ms = state.settings.micro_task_seconds * 1000
        aged = self._waiting_since_ms is not None and now_ms - self._waiting_since_ms >= patience_ms
        woken = state.wakes_at_ms is not None and now_ms >= state.wakes_at_ms
        if not (full or aged or woken):
            return None
        return _ranges(merged, state.positions)


def checked_plans(plans: PlanLog, state: LearnerState) -> list[TaskPlan]:
    """Return the last executed plan, which names the epoch, and all after it.

    Raises
    ------
    PositionLost
        Plans are missing.
    InvalidSetting
        A plan that is not executed yet was written under other settings.
    """
    written = list(plans.plans_after(state.task_seq - 1))
    again = [plan for plan in written if plan.task_seq > state.task_seq]
    _check_gapless(again, state)
    _check_settings(again, state.settings.sha256())
    return written


def merge_by_time(partitions: Iterable[Sequence[Record]], count: int) -> list[Record]:
    """Return the first ``count`` records of all partitions in the order of their timestamps."""
    return list(islice(heapq.merge(*partitions, key=lambda record: (record.timestamp_ms, record.partition)), count))


def _is_settled(merged: Sequence[Record], waiting: Waiting) -> bool:
    """Say whether polling more could not change the merge: no partition that has more ran out before its end."""
    last = {(partition, records[-1].offset) for partition, records in waiting.records.items() if records}
    ran_out = {record.partition for record in merged[:-1] if (record.partition, record.offset) in last}
    return waiting.complete and not waiting.unread & ran_out


def derived_seed(seed: int, task_seq: int) -> int:
    """Return the seed of one task's draws: 63 bits of sha256 of both numbers.

    Examples
    --------
    >>> derived_seed(0, 1) == derived_seed(0, 1) != derived_seed(0, 2)
    True
    """
    digest = hashlib.sha256(f"{seed}/{task_seq}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _ranges(records: Sequence[Record], positions: Mapping[int, int]) -> dict[int, OffsetRange]:
    """Return ranges that begin where the last plan ended, so that all plans together tile the log."""
    ranges: dict[int, OffsetRange] = {}
    for record in records:
        first = positions.get(record.partition, record.offset)
        start = ranges[record.partition].start if record.partition in ranges else first
        ranges[record.partition] = OffsetRange(start, record.offset + 1)
    return dict(sorted(ranges.items()))


def _check_gapless(plans: Sequence[TaskPlan], state: LearnerState) -> None:
    for expected, plan in enumerate(plans, start=state.task_seq + 1):
        if plan.task_seq != expected:
            message = (
                f"plan {plan.task_seq} came where plan {expected} should follow: the topic of plans has lost some; "
                "give the checkpoint back that they belong to, or name a new model"
            )
            raise PositionLost(message)


def _check_settings(plans: Sequence[TaskPlan], settings_sha: str) -> None:
    other = [plan.task_seq for plan in plans if plan.settings_sha != settings_sha]
    if other:
        message = (
            f"plan {other[0]} was written under other learner settings and is not executed yet; "
            "start once with those settings, then change them"
        )
        raise InvalidSetting(message)


def _positions_after(state: LearnerState, plans: Sequence[TaskPlan]) -> dict[int, int]:
    positions = dict(state.positions)
    for plan in plans:
        positions.update({partition: frames.stop for partition, frames in plan.frames.items()})
    return positions
