from dataclasses import replace

from learner.save.state_format import state_to_bytes

from learner.plan.inputs import Inputs
from learner.plan.plan_log import MemoryPlanLog
from learner.seeds import derived_seed
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import execute
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import AROUND, SETTINGS, digits_log, run_through

FRAMES = 224  # so many that a change of classes is noticed and learned from


def plan_of(state, frames=None, cut_at_ms=0):
    return TaskPlan(
        model="small",
        epoch=1,
        task_seq=state.task_seq + 1,
        frames=frames or {},
        samples={},
        commands=OffsetRange(0, 0),
        seed=derived_seed(0, state.task_seq + 1),
        settings_sha=SETTINGS.sha256(),
        cut_at_ms=cut_at_ms,
    )


def test_the_same_plans_from_the_same_state_end_in_the_same_bytes():
    plans = MemoryPlanLog()
    planned, reports = run_through(digits_log(FRAMES), plans=plans)
    assert planned.updates == 2
    executed, log = LearnerState.new(SETTINGS), digits_log(FRAMES)
    for plan in plans.plans_after(0):
        execute(executed, plan, Inputs(log.take(plan.frames)), AROUND)
    assert state_to_bytes(executed) == state_to_bytes(planned)
    assert [report.plan for report in reports] == plans.plans_after(0)


def test_the_epoch_that_wrote_a_plan_does_not_enter_the_execution():
    states = []
    for epoch in (1, 9):
        state, log = LearnerState.new(SETTINGS), digits_log(16)
        plan = replace(plan_of(state, {0: OffsetRange(0, 5)}), epoch=epoch)
        execute(state, plan, Inputs(log.take(plan.frames)), AROUND)
        states.append(state_to_bytes(state))
    assert states[0] == states[1]


def test_frames_are_only_scored_after_the_first_update():
    _, reports = run_through(digits_log(96))
    updated = next(place for place, report in enumerate(reports) if report.update)
    assert all(report.uncertain_rate is None for report in reports[: updated + 1])
    assert all(report.uncertain_rate is not None for report in reports[updated + 1 :])


def test_a_change_is_signalled_and_learned_from_with_newer_frames():
    state, reports = run_through(digits_log(FRAMES))
    signalled = [report for report in reports if report.signal]
    assert len(signalled) == 1
    learned = [report for report in reports if report.update]
    assert learned[1].plan.task_seq > signalled[0].plan.task_seq
    assert state.knowledge.mixture.live_clusters == 4


def test_in_a_quiet_world_updates_come_at_intervals_that_double():
    quiet = {"interval_frames": 32, "drift_threshold": 1e9, "novel_rate": 1.0}
    state, reports = run_through(digits_log(160), LearnerSettings(**SETTINGS.model_dump() | quiet))
    learned = [report for report in reports if report.update]
    assert [report.update.window_frames for report in learned] == [48, 32, 64]
    assert [report.update.cause for report in learned] == ["change", "interval", "interval"]
    asked = [report for report in reports if report.requests]
    assert len(asked) == 2, "samples are asked for when the interval's update begins to wait"
    assert {report.signal for report in asked} == {None}
    assert (state.quiet_updates, state.knowledge.mixture.ids_K.tolist()[:3]) == (2, [0, 1, -1])


def test_a_bad_frame_is_reported_and_the_stream_goes_on():
    log = digits_log(30)
    log.append(0, b"key", b"no image", (), 99)
    state = LearnerState.new(SETTINGS)
    plan = plan_of(state, {0: OffsetRange(0, 11), 1: OffsetRange(0, 10)})
    report = execute(state, plan, Inputs(log.take(plan.frames)), AROUND)
    assert (report.frames, [bad.error.reason for bad in report.rejected]) == (20, ["not_an_image"])
    assert state.positions == {0: 11, 1: 10}
    assert len(state.window) == 20


def test_a_plan_of_bad_frames_alone_has_no_effect_but_its_positions():
    log = digits_log(0)
    log.append(0, b"key", b"no image")
    state = LearnerState.new(SETTINGS)
    report = execute(state, plan_of(state, {0: OffsetRange(0, 1)}), Inputs(log.take({0: OffsetRange(0, 1)})), AROUND)
    assert report.frames == 0
    assert state.pending == LearnerState.new(SETTINGS).pending
    assert state.positions == {0: 1}


def test_an_empty_plan_runs_an_update_that_has_waited_long_enough():
    state, log = LearnerState.new(SETTINGS), digits_log(60)
    frames = {0: OffsetRange(0, 15), 1: OffsetRange(0, 15)}
    execute(state, plan_of(state, frames, cut_at_ms=1_000), Inputs(log.take(frames)), AROUND)
    assert state.updates == 0
    report = execute(state, plan_of(state, cut_at_ms=state.wakes_at_ms), Inputs([]), AROUND)
    assert report.update.window_frames == 30
    assert (state.updates, state.task_seq, state.wakes_at_ms) == (1, 2, None)


def test_an_empty_plan_with_nothing_due_only_stands_behind_it():
    state = LearnerState.new(SETTINGS)
    report = execute(state, plan_of(state), Inputs([]), AROUND)
    assert (report.frames, report.update, report.signal) == (0, None, None)
    assert state.task_seq == 1


def test_every_frame_moves_the_threshold_of_its_cluster():
    state, _ = run_through(digits_log(48))
    assert state.updates == 1
    before = state.knowledge.uncertainty.threshold_K.clone()
    log = digits_log(60)
    frames = {0: OffsetRange(16, 20), 1: OffsetRange(16, 20)}
    execute(state, plan_of(state, frames), Inputs(log.take(frames_from_start(frames))[32:]), AROUND)
    assert (state.knowledge.uncertainty.threshold_K != before).any()


def frames_from_start(frames):
    return {partition: OffsetRange(0, stop) for partition, (_, stop) in frames.items()}
