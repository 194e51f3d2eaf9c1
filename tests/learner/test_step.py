from dataclasses import replace

import pytest
import torch

from learner.faults import Faults
from learner.memory.names import Names
from learner.model.contract import live_ids
from learner.plan.inputs import InputLogs, Inputs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.process import fix_threads
from learner.save.format import state_to_bytes
from learner.seeds import derived_seed
from learner.state import LearnerState
from learner.step import Effects, step
from learner.steps.commands import Named
from learner.tell.events import events_of
from stream.memory_log import MemoryLog
from stream.messages.command import Command
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import SETTINGS, digits_log, run_through
from tests.learner.workers import answer_all, label_all

FRAMES = 224  # so many that a change of classes is noticed and learned from


def plan_of(state, frames=None, cut_at_ms=0):
    return TaskPlan(
        model="small",
        epoch=1,
        task_seq=state.progress.task_seq + 1,
        frames=frames or {},
        samples={},
        commands=OffsetRange(0, 0),
        seed=derived_seed(0, state.progress.task_seq + 1),
        settings_sha=SETTINGS.sha256(),
        cut_at_ms=cut_at_ms,
    )


def inputs_of(records):
    return Inputs(records, topic="frames")


@pytest.fixture(scope="module")
def learned():
    """Return the plans, the last state and all effects of a learner that noticed a change and learned from it."""
    plans = MemoryPlanLog()
    state, told = run_through(digits_log(FRAMES), plans=plans)
    return plans.plans_after(0), state, told


def test_the_same_plans_from_the_same_state_end_in_the_same_bytes(learned):
    plans, planned, told = learned
    assert planned.progress.updates == 2
    executed, log = LearnerState.new(SETTINGS), digits_log(FRAMES)
    for plan in plans:
        executed, _ = step(executed, plan, inputs_of(log.take(plan.frames)))
    assert state_to_bytes(executed) == state_to_bytes(planned)
    assert [effects.plan for effects in told] == plans


def test_the_epoch_that_wrote_a_plan_does_not_enter_the_execution():
    state, log, ends = LearnerState.new(SETTINGS), digits_log(16), []
    inputs = inputs_of(log.take({0: OffsetRange(0, 5)}))
    for epoch in (1, 9):
        after, _ = step(state, replace(plan_of(state, {0: OffsetRange(0, 5)}), epoch=epoch), inputs)
        ends.append(state_to_bytes(after))
    assert ends[0] == ends[1]


def test_frames_are_only_scored_after_the_first_update(learned):
    _, _, told = learned
    updated = next(place for place, effects in enumerate(told) if effects.update)
    assert all(effects.uncertain_rate is None for effects in told[: updated + 1])
    assert all(effects.uncertain_rate is not None for effects in told[updated + 1 :])


def test_a_change_is_signalled_and_learned_from_with_newer_frames(learned):
    _, state, told = learned
    (signalled,) = [effects for effects in told if effects.signal]
    first, second = [effects for effects in told if effects.update]
    assert first.plan.task_seq < signalled.plan.task_seq < second.plan.task_seq
    assert second.update.cause == "change"
    assert second.update.added
    assert live_ids(state.model) == [*first.update.added, *second.update.added]


def test_in_a_quiet_world_updates_come_at_intervals_that_double():
    quiet = {"interval_frames": 32, "drift_threshold": 1e9}
    quiet["clusters"] = SETTINGS.clusters.model_copy(update={"novel_rate": 1.0})
    state, told = run_through(digits_log(160), SETTINGS.model_copy(update=quiet))
    learned = [effects.update for effects in told if effects.update]
    assert [update.window_frames for update in learned] == [48, 32, 64]
    assert [update.cause for update in learned] == ["change", "interval", "interval"]
    asked = [effects for effects in told if effects.requests]
    assert len(asked) == 2, "samples are asked for when the interval's update begins to wait"
    assert {effects.signal for effects in asked} == {None}
    assert (state.schedule.quiet_updates, live_ids(state.model)) == (2, [0, 1])


def test_a_bad_frame_is_told_and_the_stream_goes_on():
    log = digits_log(30)
    log.append(0, b"key", b"no image", (), 99)
    state = LearnerState.new(SETTINGS)
    plan = plan_of(state, {0: OffsetRange(0, 11), 1: OffsetRange(0, 10)})
    state, effects = step(state, plan, inputs_of(log.take(plan.frames)))
    assert (effects.frames, [bad.error.reason for bad in effects.rejected]) == (20, ["not_an_image"])
    assert state.progress.positions.frames == {0: 11, 1: 10}
    assert len(state.window) == 20


def test_a_plan_of_bad_frames_alone_has_no_effect_but_its_positions():
    log = digits_log(0)
    log.append(0, b"key", b"no image")
    new = LearnerState.new(SETTINGS)
    state, effects = step(new, plan_of(new, {0: OffsetRange(0, 1)}), inputs_of(log.take({0: OffsetRange(0, 1)})))
    assert effects.frames == 0
    assert state.progress.positions.frames == {0: 1}
    assert state_to_bytes(replace(state, progress=new.progress)) == state_to_bytes(new)


def test_an_empty_plan_runs_an_update_that_has_waited_long_enough():
    state, log = LearnerState.new(SETTINGS), digits_log(60)
    frames = {0: OffsetRange(0, 15), 1: OffsetRange(0, 15)}
    state, _ = step(state, plan_of(state, frames, cut_at_ms=1_000), inputs_of(log.take(frames)))
    assert state.progress.updates == 0
    state, effects = step(state, plan_of(state, cut_at_ms=state.wakes_at_ms), Inputs([]))
    assert effects.update.window_frames == 30
    assert (state.progress.updates, state.progress.task_seq, state.wakes_at_ms) == (1, 2, None)


def test_an_empty_plan_with_nothing_due_only_stands_behind_it():
    new = LearnerState.new(SETTINGS)
    state, effects = step(new, plan_of(new), Inputs([]))
    assert (effects.frames, effects.update, effects.signal) == (0, None, None)
    assert state == replace(new, progress=state.progress)
    assert state.progress.task_seq == 1


@pytest.fixture(scope="module")
def updated():
    """Return a learner whose last plan had its first update."""
    state, _ = run_through(digits_log(48))
    assert state.progress.updates == 1
    return state


def test_every_frame_moves_the_threshold_of_its_cluster(updated):
    frames = {0: OffsetRange(16, 20), 1: OffsetRange(16, 20)}
    log = digits_log(60)
    log.seek({0: 16, 1: 16, 2: 16})
    after, _ = step(updated, plan_of(updated, frames), inputs_of(log.take(frames)))
    assert (after.model.uncertainty.threshold_K != updated.model.uncertainty.threshold_K).any()


def test_an_update_uses_up_window_evidence_and_wait(updated):
    warm_up = SETTINGS.warm_up_frames
    assert (len(updated.window), updated.schedule.pending) == (0, None)
    assert updated.detector.seen == ()
    assert len(updated.window.recent_images()) == warm_up, "a young model may look at them again"
    assert (updated.progress.updated_at_task, updated.progress.images_backpropagated > warm_up) == (3, True)


def with_window(state, frames):
    """Return a state in whose window so many further digits wait, and its update with them."""
    log = digits_log(200)
    log.seek(state.progress.positions.frames)
    ranges = {p: OffsetRange(at, at + frames // 3) for p, at in state.progress.positions.frames.items()}
    state, _ = step(state, plan_of(state, ranges), inputs_of(log.take(ranges)))
    schedule = state.schedule.after_interval(SETTINGS.window_frames)
    return replace(state, schedule=schedule.after_frames(SETTINGS.window_frames, now_ms=0))


@pytest.mark.parametrize(("regroup_frames", "stays"), [(10**4, True), (0, False)])
def test_frames_that_were_trained_on_stay_only_while_the_model_is_young(updated, regroup_frames, stays):
    settings = updated.model.settings.model_copy(update={"regroup_frames": regroup_frames})
    waits = with_window(replace(updated, model=replace(updated.model, settings=settings)), 30)
    state, effects = step(waits, plan_of(waits), Inputs([]))
    assert effects.update.window_frames == 30
    assert bool(len(state.window.recent_images())) is stays


def test_a_name_goes_to_the_cluster_that_its_own_was_merged_into(updated):
    joining = updated.model.settings.model_copy(update={"merge_distance": 1e6})
    model = replace(updated.model, settings=joining)
    waits = with_window(replace(updated, model=model, names=Names({1: "one"})), 30)
    state, effects = step(waits, plan_of(waits), Inputs([]))
    assert (0, 1) in effects.update.merged
    assert state.names.given == {0: "one"}


def test_what_clusters_show_is_noted_and_those_that_are_gone_are_forgotten(updated):
    waits = with_window(replace(updated, last_seen=updated.last_seen.after([99], 0)), 30)
    assert waits.last_seen.frames_since[99] == 30
    assert min(waits.last_seen.frames_since.values()) == 0
    state, _ = step(waits, plan_of(waits), Inputs([]))
    assert sorted(state.last_seen.frames_since) == sorted(live_ids(state.model))


def comparable(effects):
    """Return effects and the errors in them as values; an exception equals itself alone."""
    errors = [(rejected.record, rejected.error.reason, str(rejected.error)) for rejected in effects.rejected]
    return replace(effects, rejected=()), errors


class Twice:
    """A planner's loop that executes each plan twice on the same state, and keeps what was found."""

    def __init__(self, logs, answer):
        self.logs, self.answer = logs, answer
        self.told: list[Effects] = []
        self.changed, self.differing = [], []
        self.state = LearnerState.new(SETTINGS)
        self._planner = Planner("small", logs, MemoryPlanLog(), self.state, lambda: 0, Faults())

    def run(self):
        fix_threads(1)
        while (plan := self._planner.next_plan(self.state, 0.0)) is not None:
            inputs, before = self.logs.take(plan), state_to_bytes(self.state)
            images = self.state.window.recent_images().clone()
            after, effects = step(self.state, plan, inputs)
            again, effects_again = step(self.state, plan, inputs)
            if state_to_bytes(self.state) != before or not torch.equal(self.state.window.recent_images(), images):
                self.changed.append(plan.task_seq)
            same = state_to_bytes(after) == state_to_bytes(again) and comparable(effects) == comparable(effects_again)
            if not (same and torch.equal(after.window.recent_images(), again.window.recent_images())):
                self.differing.append(plan.task_seq)
            self.state = after
            self.told.append(effects)
            self.answer(effects, self.logs.samples)
            if effects.plan.task_seq % 3 == 0:
                self.logs.commands.append(0, None, naming(effects.plan.task_seq))
        return self


def naming(number):
    cluster = 77 if number == 6 else number % 2  # there is no cluster 77
    arguments = {"cluster": cluster, "name": f"name {number}"}
    return Command(f"command {number}", "small", "name", arguments, 0).to_bytes()


def frames_with_a_resend_and_a_bad_one():
    log = digits_log(FRAMES)
    resent = log.take({1: OffsetRange(0, 1)})[0]
    log = digits_log(FRAMES)
    log.append(0, resent.key, resent.value, resent.headers, FRAMES * 40)
    log.append(1, b"key", b"no image", (), FRAMES * 40)
    for place in range(14):
        log.append(place % 3, None, resent.value, (), FRAMES * 40 + place)
    return log


@pytest.fixture(scope="module", params=[answer_all, label_all], ids=["replay worker", "labeller"])
def twice(request):
    logs = InputLogs(frames_with_a_resend_and_a_bad_one(), MemoryLog(1), MemoryLog(1), topic="frames")
    return Twice(logs, request.param).run()


def test_over_a_whole_stream_a_step_leaves_the_state_that_it_was_given_as_it_was(twice):
    assert twice.changed == []


def test_over_a_whole_stream_the_same_step_gives_the_same_state_and_the_same_effects(twice):
    assert twice.differing == []


def test_that_stream_had_all_in_it_that_a_step_does(twice):
    state, told = twice.state, twice.told
    assert state.progress.updates >= 2
    assert any(effects.signal for effects in told)
    assert any(effects.requests for effects in told)
    assert sum(effects.replay.used for effects in told if effects.update) > 0
    assert any(isinstance(outcome, Named) for effects in told for outcome in effects.commands)
    assert (sum(len(effects.rejected) for effects in told), sum(effects.resent for effects in told)) == (1, 1)
    assert bool(state.names.votes) == bool([effects for effects in told if effects.renamed])
    kinds = {event.kind for effects in told for event in events_of(effects)}
    assert kinds >= {"drift", "birth", "update", "naming", "command_refused", "replay_request"}
