"""What waits beside frames goes along with the first plan that is cut."""

from dataclasses import replace

from learner.faults import Faults
from learner.plan import planner as planning
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.state import LearnerState
from stream.memory_log import MemoryLog
from stream.messages.task_plan import OffsetRange
from tests.learner.small import SETTINGS

QUICK = SETTINGS.model_copy(update={"micro_task_seconds": 2.0})
WANTED = QUICK.micro_task_frames


class Bench:
    """A planner over three logs in memory, and a clock that stands until it is moved."""

    def __init__(self):
        self.frames, self.samples, self.commands = MemoryLog(2), MemoryLog(1), MemoryLog(1)
        self.plans = MemoryPlanLog()
        self.now_ms = 1_000_000
        self.restart()

    def restart(self):
        state = LearnerState.new(QUICK)
        self.state = replace(state, schedule=replace(state.schedule, pending=None))
        self.logs = InputLogs(self.frames, self.samples, self.commands)
        self.planner = Planner("m", self.logs, self.plans, self.state, lambda: self.now_ms, Faults())

    def append_frames(self, count):
        for number in range(count):
            self.frames.append(0, None, b"x", (), number)

    def executed(self):
        plan = self.planner.next_plan(self.state, 0.0)
        if plan is not None:
            self.logs.take(plan)
            self.state = replace(self.state, progress=self.state.progress.after(plan, skipped=0))
        return plan


def test_samples_go_along_with_the_next_plan_or_cut_one_when_they_have_waited_long_enough():
    bench = Bench()
    bench.samples.append(0, None, b"sample")
    assert bench.executed() is None
    bench.now_ms += 2_000
    plan = bench.executed()
    assert (plan.frames, plan.samples) == ({}, {0: OffsetRange(0, 1)})
    bench.now_ms += 10_000
    assert bench.executed() is None
    bench.samples.append(0, None, b"sample")
    bench.append_frames(WANTED)
    assert bench.executed().samples == {0: OffsetRange(1, 2)}
    bench.append_frames(WANTED)
    assert bench.executed().samples == {}


def test_looking_for_samples_is_counted_only_where_frames_waited_for_it():
    bench = Bench()
    assert bench.executed() is None
    assert bench.logs.replaying.seconds == 0
    bench.append_frames(WANTED)
    assert bench.planner.next_plan(bench.state, 0.0) is not None
    assert bench.logs.replaying.seconds > 0


def test_a_command_goes_along_with_the_next_plan_or_cuts_one_when_it_has_waited_long_enough():
    bench = Bench()
    bench.append_frames(WANTED)
    bench.commands.append(0, None, b"command")
    assert bench.executed().commands == OffsetRange(0, 1)
    bench.commands.append(0, None, b"command")
    assert bench.executed() is None
    bench.now_ms += 1_999
    assert bench.executed() is None
    bench.now_ms += 1
    plan = bench.executed()
    assert (plan.frames, plan.commands) == ({}, OffsetRange(1, 2))
    bench.now_ms += 10_000
    assert bench.executed() is None


def test_a_plan_without_commands_stands_where_the_last_ones_ended():
    bench = Bench()
    bench.commands.append(0, None, b"command")
    bench.append_frames(2 * WANTED)
    assert [bench.executed().commands for _ in range(2)] == [OffsetRange(0, 1), OffsetRange(1, 1)]


def test_samples_and_commands_of_one_plan_are_bounded_in_bytes_and_the_rest_comes_next(monkeypatch):
    monkeypatch.setattr(planning, "_MOST_SAMPLE_BYTES", 1_000)
    monkeypatch.setattr(planning, "_MOST_COMMAND_BYTES", 1_000)
    bench = Bench()
    for _ in range(5):
        bench.samples.append(0, None, b"x" * 200)
        bench.commands.append(0, None, b"x" * 200)
    bench.append_frames(3 * WANTED)
    plans = [bench.executed() for _ in range(3)]
    assert [plan.samples[0] for plan in plans] == [OffsetRange(0, 2), OffsetRange(2, 4), OffsetRange(4, 5)]
    assert [plan.commands for plan in plans] == [OffsetRange(0, 2), OffsetRange(2, 4), OffsetRange(4, 5)]


def test_after_a_restart_the_same_samples_and_commands_come_again_and_then_it_plans_on_behind_them():
    bench = Bench()
    bench.samples.append(0, None, b"one")
    bench.commands.append(0, None, b"one")
    bench.append_frames(WANTED)
    written = bench.executed()
    bench.samples.append(0, None, b"two")
    bench.commands.append(0, None, b"two")
    bench.append_frames(WANTED)
    bench.restart()
    assert bench.executed() == written
    plan = bench.executed()
    assert (plan.samples, plan.commands) == ({0: OffsetRange(1, 2)}, OffsetRange(1, 2))
