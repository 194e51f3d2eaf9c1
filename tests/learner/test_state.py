from dataclasses import replace

import torch
from learner.change.drift import DriftSignal
from learner.model.clusters.knowledge import Knowledge

from learner.intake.window import Place
from learner.memory.names import Names
from learner.model.clusters.update import UpdateReport
from learner.state import LearnerState, PendingUpdate
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import SETTINGS, state_with_clusters

ENOUGH = SETTINGS.projection_dimensions + 1
SECONDS = SETTINGS.model_copy(update={"update_seconds": 10.0})
SIGNAL = DriftSignal("page_hinkley", 6.0, 5.0, frame=9)


REPORT = UpdateReport(
    window_frames=48,
    recalled_images=48,
    images_backpropagated=96,
    loss=0.1,
    born=[],
    births_without_slot=0,
    live_clusters=3,
)


def state_with(frames, settings=SETTINGS):
    state = LearnerState.new(settings)
    state.window.add([Place(0, n) for n in range(frames)], torch.zeros(frames, 3, 32, 32))
    return state


def test_a_new_learner_waits_for_its_warm_up_frames():
    state = LearnerState.new(SETTINGS)
    assert state.pending == PendingUpdate(SETTINGS.warm_up_frames, 0, None)
    assert state.frames_wanted == SETTINGS.micro_task_frames


def test_a_micro_task_is_no_larger_than_what_the_update_waits_for():
    state = state_with(ENOUGH)
    state.pending = PendingUpdate(32, 27, None)
    assert state.frames_wanted == 5
    state.pending = PendingUpdate(32, 32, None)
    assert state.frames_wanted == 1
    state.pending = None
    assert state.frames_wanted == SETTINGS.micro_task_frames


def test_an_update_is_due_once_its_frames_are_there():
    state = state_with(ENOUGH)
    state.pending = PendingUpdate(32, 0, None)
    state.note_frames(31, now_ms=0)
    assert not state.update_is_due(now_ms=0)
    state.note_frames(1, now_ms=0)
    assert state.update_is_due(now_ms=0)


def test_an_update_is_due_once_it_has_waited_long_enough_from_its_first_frame_on():
    state = state_with(ENOUGH, SECONDS)
    state.note_frames(0, now_ms=1_000)
    assert state.wakes_at_ms is None
    state.note_frames(1, now_ms=5_000)
    state.note_frames(1, now_ms=9_000)
    assert state.wakes_at_ms == 15_000
    assert not state.update_is_due(now_ms=14_999)
    assert state.update_is_due(now_ms=15_000)


def test_a_window_too_small_to_learn_from_wakes_nobody_and_is_never_due():
    state = state_with(ENOUGH - 1, SECONDS)
    state.pending = PendingUpdate(1, 99, 0)
    assert state.wakes_at_ms is None
    assert not state.update_is_due(now_ms=10**12)


def test_without_a_pending_update_nothing_is_due():
    state = state_with(ENOUGH)
    state.pending = None
    state.note_frames(1000, now_ms=0)
    assert state.wakes_at_ms is None
    assert not state.update_is_due(now_ms=10**12)


def test_the_last_frames_of_the_longest_interval_are_waited_for_like_those_after_a_change():
    settings = SETTINGS.model_copy(update={"interval_frames": 40, "update_frames": 16, "window_frames": 120})
    state = state_with(23, settings)
    state.pending = None
    assert not state.note_interval()
    state.window.add([Place(0, 23)], torch.zeros(1, 3, 32, 32))
    assert state.note_interval()
    assert state.pending == PendingUpdate(16, 0, None, "interval")
    assert not state.world_changed
    assert not state.note_interval(), "it waits already"


def test_an_interval_waits_for_half_of_itself_at_most():
    settings = SETTINGS.model_copy(update={"interval_frames": 40, "update_frames": 90})
    state = state_with(20, settings)
    state.pending = None
    assert state.note_interval()
    assert state.pending.wanted_frames == 20


def test_an_interval_takes_nothing_from_an_update_that_waits_already():
    state = state_with(SETTINGS.window_frames)
    state.note_signal(SIGNAL, frames=16, now_ms=0)
    before = state.pending
    assert not state.note_interval()
    assert state.pending == before


def test_the_first_update_counts_as_one_after_a_change():
    assert LearnerState.new(SETTINGS).world_changed


def test_the_interval_doubles_with_each_quiet_update_up_to_half_a_window_and_begins_anew_after_a_change():
    settings = SETTINGS.model_copy(update={"interval_frames": 40, "window_frames": 240})
    state = LearnerState.new(settings)
    intervals = []
    for _ in range(3):
        state.pending = PendingUpdate(16, 16, None, "interval")
        state.take_knowledge(state.knowledge, REPORT, 1)
        intervals.append(state.longest_interval)
    assert intervals == [80, 120, 120]
    state.note_signal(SIGNAL, frames=16, now_ms=0)
    assert state.world_changed
    state.take_knowledge(state.knowledge, REPORT, 2)
    assert state.longest_interval == 40


def test_a_change_takes_the_place_of_an_interval_that_is_waited_for():
    state = state_with(ENOUGH, SECONDS)
    state.pending = PendingUpdate(16, 3, None, "interval")
    state.note_signal(SIGNAL, frames=16, now_ms=2_000)
    assert state.pending == PendingUpdate(SETTINGS.update_frames, 6, 12_000, "change")


def test_after_a_signal_the_update_waits_for_frames_newer_than_it():
    state = state_with(ENOUGH, SECONDS)
    state.note_signal(SIGNAL, frames=16, now_ms=2_000)
    assert state.pending == PendingUpdate(SETTINGS.update_frames, 6, 12_000)


def test_what_an_update_learned_replaces_knowledge_and_uses_up_window_and_evidence():
    state = state_with(ENOUGH)
    state.detector.update(1.0, 0)
    learned = Knowledge.nothing(SETTINGS)
    state.take_knowledge(learned, REPORT, task_seq=5)
    assert state.knowledge is learned
    assert (len(state.window), state.pending, state.detector.to_state()) == (0, None, {})
    assert len(state.window.recent_images()) == ENOUGH
    assert (state.updates, state.updated_at_task, state.images_backpropagated) == (1, 5, 96)


def test_frames_that_were_trained_on_stay_only_while_the_model_is_young():
    for behind, kept in ((SETTINGS.regroup_frames - 1, ENOUGH), (SETTINGS.regroup_frames, 0)):
        state = state_with(ENOUGH)
        mixture = replace(state.knowledge.mixture, frames=float(behind))
        state.take_knowledge(replace(state.knowledge, mixture=mixture), REPORT, 1)
        assert len(state.window.recent_images()) == kept


def test_a_name_goes_to_the_cluster_that_its_own_was_merged_into():
    state = state_with_clusters(3)
    state.names = Names({2: "cat"})
    merged = replace(state.knowledge, mixture=state.knowledge.mixture.without(2))
    state.take_knowledge(merged, replace(REPORT, merged=((1, 2),)), 1)
    assert state.names.given == {1: "cat"}


def test_finishing_a_plan_moves_the_named_partitions_alone():
    state = LearnerState.new(SETTINGS)
    state.positions = {0: 4, 1: 4}
    plan = TaskPlan("m", 1, 7, {1: OffsetRange(4, 9), 2: OffsetRange(0, 3)}, {}, OffsetRange(0, 0), 0, "", 0)
    state.finish(plan)
    assert state.positions == {0: 4, 1: 9, 2: 3}
    assert state.task_seq == 7
