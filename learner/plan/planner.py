"""Cut micro-tasks from the stream and write each plan while it is executed.

A plan is cut when the wanted number of frames waits, when the oldest waiting record of any kind is old enough, or when
an update has waited long enough for more frames. A full micro-task is only cut when no record that is still to be
polled can belong before its last: a learner that catches up sees the stream in the order it happened, however the polls
fell.
Samples and commands that wait at that moment go along. Kafka takes 5 to 15 ms to write a plan, in which it is executed;
until it is confirmed, nothing of that may leave the process (decision 0010).
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import reduce

from learner.faults import Faults
from learner.intake.progress import COMMANDS_PARTITION, Positions
from learner.plan.cut import as_many_as_fit, is_settled, merge_by_time, tiling_ranges
from learner.plan.inputs import InputLogs
from learner.plan.overload import keep_one_in
from learner.plan.plan_log import PlanLog, checked_plans
from learner.seeds import derived_seed
from learner.state import LearnerState
from stream.log import FrameLog, Record
from stream.messages.task_plan import OffsetRange, TaskPlan

Clock = Callable[[], int]
"""Unix milliseconds."""

_MOST_SAMPLE_BYTES = 16 * 1024**2
_MOST_COMMAND_BYTES = 256 * 1024


class Planner:
    """Gives one plan after the other: first those that were written and not yet executed, then new ones.

    Parameters
    ----------
    model
        Its name stands in every plan.
    logs, plans
        Where frames, samples and commands are read and plans are written.
    state
        Of the learner, as loaded; only its positions are read here.
    clock
        Stands in every plan, so that an execution never looks at a clock of its own.
    faults
        Test-only.
    """

    def __init__(
        self, model: str, logs: InputLogs, plans: PlanLog, state: LearnerState, clock: Clock, faults: Faults
    ) -> None:
        self._model = model
        self._logs = logs
        self._plans = plans
        self._clock = clock
        self._faults = faults
        written = checked_plans(plans, state)
        self._epoch = max((plan.epoch for plan in written), default=0) + 1
        self._again = deque(plan for plan in written if plan.task_seq > state.progress.task_seq)
        self._unconfirmed = False
        self._waiting_since_ms: int | None = None
        logs.seek(reduce(Positions.after, self._again, state.progress.positions))

    def next_plan(self, state: LearnerState, timeout_seconds: float) -> TaskPlan | None:
        """Return the next plan, which is being written; None if nothing was to be planned within ``timeout_seconds``.

        It may be executed at once, on a state that nobody else sees; `confirm` comes before anything that follows from
        it. The plan that was given before is confirmed first.
        """
        self.confirm()
        if self._again:
            return self._again.popleft()
        plan = self._cut(state, full_only=True)
        if plan is None:
            self._logs.frames.poll(timeout_seconds)
            plan = self._cut(state, full_only=False)
        if plan is not None:
            self._plans.begin(plan)
            self._unconfirmed = True
            self._waiting_since_ms = None
        return plan

    def confirm(self) -> None:
        """Return once the plan that `next_plan` gave is durable; see `PlanLog.confirm` for the errors.

        Whoever meets one has to end, and must let go of the state that the plan was executed on.
        """
        if self._unconfirmed:
            self._plans.confirm()
            self._unconfirmed = False
            self._faults.reached("plan_written")

    def _cut(self, state: LearnerState, *, full_only: bool) -> TaskPlan | None:
        """Return the plan that is due with the frames that are polled; more are only polled where they fill none."""
        seconds_on_samples = self._logs.look()
        now_ms = self._clock()
        waiting = self._logs.frames.waiting()
        keep = keep_one_in(waiting, state.frames_wanted, state.progress.keep_one_in, state.settings)
        frames = merge_by_time(waiting.records.values(), keep * state.frames_wanted)
        full = len(frames) >= keep * state.frames_wanted and is_settled(frames, waiting)
        if not full and (full_only or not self._is_due(state, frames, now_ms)):
            return None
        self._logs.replaying.add(seconds_on_samples)
        return self._plan(state, frames, keep, now_ms)

    def _is_due(self, state: LearnerState, frames: Sequence[Record], now_ms: int) -> bool:
        """Say whether a plan is due though its frames are few, or none."""
        if self._waiting_since_ms is None and (frames or self._waiting_commands() or self._waiting_samples()):
            self._waiting_since_ms = now_ms
        patience_ms = state.settings.micro_task_seconds * 1000
        aged = self._waiting_since_ms is not None and now_ms - self._waiting_since_ms >= patience_ms
        woken = state.wakes_at_ms is not None and now_ms >= state.wakes_at_ms
        return aged or woken

    def _plan(self, state: LearnerState, frames: Sequence[Record], keep: int, now_ms: int) -> TaskPlan:
        samples = self._waiting_samples()
        commands = tiling_ranges(self._waiting_commands(), state.progress.positions.commands)
        at = state.progress.positions.commands.get(COMMANDS_PARTITION, 0)
        return TaskPlan(
            model=self._model,
            epoch=self._epoch,
            task_seq=state.progress.task_seq + 1,
            frames=tiling_ranges(frames, state.progress.positions.frames),
            samples=tiling_ranges(samples, state.progress.positions.samples),
            commands=commands.get(COMMANDS_PARTITION, OffsetRange(at, at)),
            seed=derived_seed(state.settings.seed, state.progress.task_seq + 1),
            settings_sha=state.settings.sha256(),
            cut_at_ms=now_ms,
            keep_one_in=keep,
        )

    def _waiting_samples(self) -> list[Record]:
        return _waiting(self._logs.samples, _MOST_SAMPLE_BYTES)

    def _waiting_commands(self) -> list[Record]:
        return _waiting(self._logs.commands, _MOST_COMMAND_BYTES)


def _waiting(log: FrameLog | None, limit_bytes: int) -> list[Record]:
    return [] if log is None else as_many_as_fit(log.waiting(), limit_bytes)
