from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.change.schedule import PendingUpdate
from learner.faults import Faults
from learner.intake.window import Place
from learner.plan.cut import merge_by_time
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.seeds import derived_seed
from learner.state import LearnerState
from stream.log import Waiting
from stream.memory_log import MemoryLog
from stream.messages.task_plan import OffsetRange
from stream.process.errors import InvalidSetting, PositionLost
from tests.learner.small import SETTINGS, digit_images

QUICK = SETTINGS.model_copy(update={"micro_task_seconds": 2.0, "update_seconds": 10.0})
WANTED = QUICK.micro_task_frames


class Clock:
    def __init__(self):
        self.now_ms = 1_000_000

    def __call__(self):
        return self.now_ms


def quiet(learning):
    """Return a new learner for which no update waits."""
    return waiting(LearnerState.new(learning), None)


def waiting(state, pending):
    return replace(state, schedule=replace(state.schedule, pending=pending))


class Bench:
    """A planner on a log in memory whose records carry the times they are given."""

    def __init__(self, partitions=2, learning=QUICK, plans=None, buffer_bytes=2**26):
        self.log = MemoryLog(partitions, buffer_bytes)
        self.clock = Clock()
        self.state = quiet(learning)
        self.plans = plans or MemoryPlanLog()
        self.start()

    def start(self):
        self.planner = Planner("m", InputLogs(self.log), self.plans, self.state, self.clock, Faults())

    def append(self, partition, *times_ms, size=10):
        for time_ms in times_ms:
            self.log.append(partition, b"key", b"x" * size, (), time_ms)

    def next_plan(self):
        return self.planner.next_plan(self.state, 0.0)

    def executed(self):
        plan = self.next_plan()
        if plan is not None:
            self.log.take(plan.frames)
            self.state = replace(self.state, progress=self.state.progress.after(plan, skipped=0))
        return plan


def test_nothing_is_planned_while_too_few_frames_wait():
    bench = Bench()
    assert bench.next_plan() is None
    bench.append(0, *range(WANTED - 1))
    assert bench.next_plan() is None
    assert bench.plans.plans_after(0) == []


def test_a_plan_is_cut_at_the_wanted_number_and_is_begun_before_it_is_given():
    bench = Bench()
    bench.append(0, *range(WANTED + 5))
    plan = bench.next_plan()
    assert plan.frames == {0: OffsetRange(0, WANTED)}
    assert bench.plans.plans_after(0) == [plan]
    assert (plan.task_seq, plan.epoch, plan.cut_at_ms) == (1, 1, bench.clock.now_ms)
    assert (plan.seed, plan.settings_sha) == (derived_seed(0, 1), QUICK.sha256())


class Unanswered(MemoryPlanLog):
    """Notes what is begun, and whether it was waited for."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def begin(self, plan):
        super().begin(plan)
        self.calls.append(("begin", plan.task_seq))

    def confirm(self):
        self.calls.append("confirm")


def test_a_plan_is_given_before_it_is_durable_and_confirmed_before_the_next_is_begun():
    bench = Bench(plans=Unanswered())
    bench.append(0, *range(3 * WANTED))
    bench.executed()
    assert bench.plans.calls == [("begin", 1)]
    bench.planner.confirm()
    bench.planner.confirm()
    bench.executed()
    bench.executed()
    assert bench.plans.calls == [("begin", 1), "confirm", ("begin", 2), "confirm", ("begin", 3)]


def test_a_plan_that_was_written_before_the_restart_needs_no_confirmation():
    bench = Bench(plans=Unanswered())
    bench.append(0, *range(WANTED))
    bench.next_plan()
    bench.start()
    bench.executed()
    bench.planner.confirm()
    assert bench.plans.calls == [("begin", 1)]


def test_a_smaller_plan_is_cut_when_the_oldest_frame_has_waited_long_enough():
    bench = Bench()
    bench.append(0, 1, 2, 3)
    assert bench.next_plan() is None
    bench.clock.now_ms += 1_999
    bench.append(1, 4)
    assert bench.next_plan() is None
    bench.clock.now_ms += 1
    assert bench.next_plan().frames == {0: OffsetRange(0, 3), 1: OffsetRange(0, 1)}


def test_after_a_cut_the_wait_begins_anew():
    bench = Bench()
    bench.append(0, 1)
    bench.executed()
    bench.clock.now_ms += 2_000
    assert bench.executed() is not None
    bench.append(0, 2)
    assert bench.executed() is None
    bench.clock.now_ms += 1_999
    assert bench.executed() is None


def test_an_update_that_has_waited_long_enough_is_planned_also_without_frames():
    bench = Bench()
    images = digit_images(0, bench.state.model.traits.fewest_frames + 1)
    window = bench.state.window.added([Place(0, n) for n in range(len(images))], images)
    bench.state = replace(waiting(bench.state, PendingUpdate(99, 1, bench.clock.now_ms + 500)), window=window)
    assert bench.next_plan() is None
    bench.clock.now_ms += 500
    plan = bench.next_plan()
    assert plan.frames == {}
    assert bench.state.update_is_due(plan.cut_at_ms)


def test_a_plan_is_no_larger_than_what_a_pending_update_waits_for():
    bench = Bench()
    bench.state = waiting(bench.state, PendingUpdate(32, 29, None))
    bench.append(0, *range(20))
    assert bench.next_plan().frames == {0: OffsetRange(0, 3)}


def test_partitions_are_merged_by_time_and_then_by_number():
    bench = Bench(partitions=3)
    bench.append(0, 10, 30, 50)
    bench.append(1, 20, 30, 60)
    bench.append(2, 30, 40)
    bench.log.poll(0.0)
    merged = merge_by_time(bench.log.waiting().records.values(), 6)
    expected = [(0, 10), (1, 20), (0, 30), (1, 30), (2, 30), (2, 40)]
    assert [(record.partition, record.timestamp_ms) for record in merged] == expected


def test_a_full_cut_waits_for_a_partition_of_which_older_frames_are_still_to_be_polled():
    bench = Bench(buffer_bytes=16_000)
    bench.append(0, *range(0, 200, 10), size=1_000)
    bench.append(1, *range(500, 520))
    assert bench.next_plan() is None, "the buffer holds a few of the older frames only"
    bench.clock.now_ms += 2_000
    aged = bench.next_plan()
    assert aged.frames[0].stop < 20


class TricklingLog(MemoryLog):
    """All is in the log, but each poll brings only so many records of one partition, as a broker may answer."""

    def __init__(self, partitions, answers):
        super().__init__(partitions)
        self._answers = iter(answers)
        self._brought = dict.fromkeys(range(partitions), 0)

    def poll(self, timeout_seconds):
        super().poll(timeout_seconds)
        for partition, count in [next(self._answers, (p, 1000)) for p in self.partitions]:
            self._brought[partition] += count

    def waiting(self):
        there = super().waiting().records
        shown = {p: [record for record in there[p] if record.offset < self._brought[p]] for p in there}
        return Waiting(shown, frozenset(p for p in there if len(shown[p]) < len(there[p])))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=2 * WANTED, max_size=80),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=30),
)
def test_full_cuts_do_not_depend_on_how_the_polls_fell(steps, answers):
    whole, trickled = Bench(partitions=3), Bench(partitions=3)
    trickled.log = TricklingLog(3, answers)
    trickled.start()
    for bench in (whole, trickled):
        now_ms = 0
        for partition, later_ms in steps:
            now_ms += later_ms
            bench.append(partition, now_ms)
    found = [plan for plan in (trickled.executed() for _ in range(60)) if plan is not None]
    assert [plan.frames for plan in found] == planned(whole)


def planned(bench):
    found = []
    while (plan := bench.executed()) is not None:
        found.append(plan.frames)
    return found


def test_ranges_tile_the_log_also_over_records_that_are_not_there():
    bench = Bench(partitions=1)
    bench.append(0, *range(100))
    bench.log.expire(0, 7)
    bench.start()
    plans = [bench.executed() for _ in range(5)]
    stops = [plan.frames[0].stop for plan in plans]
    assert [plan.frames[0].start for plan in plans] == [7, *stops[:-1]]
    assert [plan.task_seq for plan in plans] == [1, 2, 3, 4, 5]


def test_plans_of_an_earlier_run_come_first_and_then_it_plans_on_behind_them():
    bench = Bench()
    bench.append(0, *range(3 * WANTED))
    written = [bench.executed(), bench.executed()]
    bench.state = quiet(QUICK)
    bench.start()
    assert [bench.executed(), bench.executed()] == written
    third = bench.executed()
    assert (third.task_seq, third.epoch) == (3, 2)
    assert third.frames == {0: OffsetRange(2 * WANTED, 3 * WANTED)}


def test_plans_that_the_checkpoint_has_behind_it_are_not_executed_again():
    bench = Bench()
    bench.append(0, *range(2 * WANTED))
    bench.executed()
    second = bench.next_plan()
    bench.start()
    assert bench.executed() == second


def test_plans_written_under_other_settings_are_refused_with_the_remedy():
    bench = Bench()
    bench.append(0, *range(WANTED))
    bench.next_plan()
    bench.state = replace(bench.state, settings=QUICK.model_copy(update={"seed": 3}))
    with pytest.raises(InvalidSetting, match="start once with those settings"):
        bench.start()


def test_other_settings_are_taken_once_all_plans_are_executed():
    bench = Bench()
    bench.append(0, *range(2 * WANTED))
    bench.executed()
    bench.state = replace(bench.state, settings=QUICK.model_copy(update={"seed": 3}))
    bench.start()
    assert bench.executed().settings_sha == bench.state.settings.sha256()


def test_plans_that_are_missing_are_never_passed_over():
    bench = Bench()
    bench.append(0, *range(3 * WANTED))
    for _ in range(3):
        bench.executed()
    kept = MemoryPlanLog()
    for plan in bench.plans.plans_after(1):
        kept.begin(plan)
    bench.plans, bench.state = kept, LearnerState.new(QUICK)
    with pytest.raises(PositionLost, match="plan 2 came where plan 1 should follow"):
        bench.start()


def test_seeds_of_tasks_and_of_runs_differ_and_fit_63_bits():
    seeds = {derived_seed(seed, task) for seed in range(20) for task in range(20)}
    assert len(seeds) == 400
    assert max(seeds) < 2**63
