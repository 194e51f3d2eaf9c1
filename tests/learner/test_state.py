from dataclasses import replace

import pytest
import torch

from learner.change.schedule import PendingUpdate
from learner.intake.window import Place
from learner.memory.names import Names
from learner.state import LearnerState
from stream.process.errors import InvalidSetting
from tests.learner.small import SETTINGS

NEW = LearnerState.new(SETTINGS)
ENOUGH = NEW.model.traits.fewest_frames


def state_with(frames, pending=NEW.schedule.pending):
    window = NEW.window.added([Place(0, n) for n in range(frames)], torch.zeros(frames, 3, 32, 32))
    return replace(NEW, window=window, schedule=replace(NEW.schedule, pending=pending))


def test_the_first_micro_task_of_a_new_learner_is_a_whole_one():
    assert NEW.frames_wanted == SETTINGS.micro_task_frames


@pytest.mark.parametrize(
    ("pending", "wanted"),
    [
        (PendingUpdate(32, 27, None), 5),
        (PendingUpdate(32, 32, None), 1),
        (PendingUpdate(32, 0, None), SETTINGS.micro_task_frames),
        (None, SETTINGS.micro_task_frames),
    ],
)
def test_a_micro_task_is_no_larger_than_what_the_update_waits_for(pending, wanted):
    assert state_with(ENOUGH, pending).frames_wanted == wanted


def test_an_update_that_has_waited_long_enough_wakes_the_learner():
    state = state_with(ENOUGH, PendingUpdate(32, 1, 15_000))
    assert state.wakes_at_ms == 15_000
    assert not state.update_is_due(now_ms=14_999)
    assert state.update_is_due(now_ms=15_000)


def test_a_window_too_small_to_learn_from_wakes_nobody_and_is_never_due():
    state = state_with(ENOUGH - 1, PendingUpdate(1, 99, 0))
    assert state.wakes_at_ms is None
    assert not state.update_is_due(now_ms=10**12)


def test_without_a_pending_update_nothing_is_due():
    state = state_with(ENOUGH, None)
    assert state.wakes_at_ms is None
    assert not state.update_is_due(now_ms=10**12)


@pytest.mark.parametrize(("frames", "window"), [(20, 25), (SETTINGS.window_frames, SETTINGS.window_frames)])
def test_the_window_of_an_update_will_have_what_it_waits_for_and_no_more_than_fits(frames, window):
    assert state_with(frames, PendingUpdate(32, 27, None)).expected_window == window


@pytest.mark.parametrize(
    ("follow", "labelled", "cause", "moves"),
    [
        ("named", True, "interval", True),
        ("named", False, "interval", False),
        ("named", True, "change", False),
        ("always", False, "interval", True),
        ("always", True, "change", False),
        ("never", True, "interval", False),
    ],
)
def test_clusters_follow_the_frames_where_the_model_says_so_and_never_while_a_change_is_waited_for(
    follow, labelled, cause, moves
):
    model = replace(NEW.model, settings=NEW.model.settings.model_copy(update={"follow": follow}))
    names = Names(votes={0: {"cat": 2.0}} if labelled else {})
    state = replace(state_with(ENOUGH, PendingUpdate(32, 0, None, cause)), model=model, names=names)
    assert state.clusters_move is moves


def test_a_change_of_what_is_served_is_noted_with_its_plan():
    assert NEW.serving_at(7).progress.updated_at_task == 7
    assert NEW.progress.updated_at_task == 0


@pytest.mark.parametrize("method", ["r2r", "paper"])
def test_a_window_that_no_update_can_begin_with_is_refused(method):
    settings = SETTINGS.model_copy(update={"method": method, "window_frames": SETTINGS.clusters.projection_dimensions})
    with pytest.raises(InvalidSetting, match=r"learner\.window_frames is 16, but an update of this model needs"):
        LearnerState.new(settings)
