import json
from dataclasses import replace

import pytest

from learner.change.detector import DriftSignal
from learner.change.schedule import PendingUpdate, UpdateSchedule
from learner.part import Saved
from tests.learner.small import SETTINGS

SECONDS = SETTINGS.model_copy(update={"update_seconds": 10.0})
SIGNAL = DriftSignal("page_hinkley", 6.0, 5.0, frame=9)


def waiting(pending, **settings):
    return UpdateSchedule(SECONDS.model_copy(update=settings), pending)


def test_a_new_learner_waits_for_its_warm_up_frames():
    schedule = UpdateSchedule.new(SETTINGS)
    assert schedule.pending == PendingUpdate(SETTINGS.warm_up_frames, 0, None)
    assert schedule.frames_missing == SETTINGS.warm_up_frames


def test_the_first_update_counts_as_one_after_a_change():
    assert UpdateSchedule.new(SETTINGS).world_changed


def test_an_update_is_due_once_its_frames_are_there():
    nearly = waiting(PendingUpdate(32, 0, None)).after_frames(31, now_ms=0)
    assert (nearly.frames_missing, nearly.is_due(now_ms=0)) == (1, False)
    there = nearly.after_frames(1, now_ms=0)
    assert (there.frames_missing, there.is_due(now_ms=0)) == (0, True)


def test_an_update_is_due_once_it_has_waited_long_enough_from_its_first_frame_on():
    schedule = UpdateSchedule.new(SECONDS)
    assert schedule.after_frames(0, now_ms=1_000) == schedule
    schedule = schedule.after_frames(1, now_ms=5_000).after_frames(1, now_ms=9_000)
    assert schedule.pending.due_at_ms == 15_000
    assert not schedule.is_due(now_ms=14_999)
    assert schedule.is_due(now_ms=15_000)


def test_without_a_pending_update_nothing_is_due_or_changed():
    schedule = waiting(None)
    assert schedule.after_frames(1000, now_ms=0) == schedule
    assert (schedule.frames_missing, schedule.is_due(now_ms=10**12)) == (0, False)


def test_the_last_frames_of_the_longest_interval_are_waited_for_like_those_after_a_change():
    quiet = waiting(None, interval_frames=40, update_frames=16, window_frames=120)
    assert quiet.after_interval(window=23) is quiet
    waits = quiet.after_interval(window=24)
    assert waits.pending == PendingUpdate(16, 0, None, "interval")
    assert not waits.world_changed
    assert waits.after_interval(window=99) is waits, "it waits already"


def test_an_interval_waits_for_half_of_itself_at_most():
    waits = waiting(None, interval_frames=40, update_frames=90).after_interval(window=20)
    assert waits.pending.wanted_frames == 20


def test_an_interval_takes_nothing_from_an_update_that_waits_already():
    changed = waiting(None).after_signal(SIGNAL, frames=16, now_ms=0)
    assert changed.after_interval(SETTINGS.window_frames) is changed


def test_the_interval_doubles_with_each_quiet_update_up_to_half_a_window_and_begins_anew_after_a_change():
    schedule, intervals = waiting(None, interval_frames=40, window_frames=240), []
    for _ in range(3):
        schedule = replace(schedule, pending=PendingUpdate(16, 16, None, "interval")).after_update()
        intervals.append(schedule.longest_interval)
    assert intervals == [80, 120, 120]
    changed = schedule.after_signal(SIGNAL, frames=16, now_ms=0)
    assert changed.world_changed
    assert (changed.after_update().longest_interval, changed.after_update().pending) == (40, None)


def test_after_thousands_of_quiet_updates_an_interval_is_still_a_number_of_frames():
    assert replace(waiting(None), quiet_updates=10**6).longest_interval == SETTINGS.longest_interval_frames


@pytest.mark.parametrize("before", [None, PendingUpdate(16, 3, None, "interval")])
def test_after_a_signal_the_update_waits_for_frames_newer_than_it_and_no_longer_for_an_interval(before):
    changed = waiting(before).after_signal(SIGNAL, frames=16, now_ms=2_000)
    assert changed.pending == PendingUpdate(SETTINGS.update_frames, 6, 12_000, "change")


def test_a_step_leaves_the_schedule_that_was_there_as_it_was():
    before = UpdateSchedule.new(SECONDS)
    before.after_frames(9, now_ms=0)
    before.after_signal(SIGNAL, frames=16, now_ms=0)
    before.after_update()
    assert before == UpdateSchedule.new(SECONDS)


@pytest.mark.parametrize("pending", [None, PendingUpdate(32, 7, 12_000, "interval")])
def test_saved_and_loaded_it_waits_for_the_same(pending):
    schedule = replace(waiting(pending), quiet_updates=3)
    assert UpdateSchedule.load(Saved(json.loads(json.dumps(schedule.save().values))), SECONDS) == schedule
