from dataclasses import replace

import pytest

from learner.faults import Faults
from learner.intake.window import Place
from learner.plan.inputs import InputLogs
from learner.plan.overload import keep_one_in
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.save.format import state_from_bytes, state_to_bytes
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import step
from learner.tell.events import events_of
from stream.log import Record, Waiting
from stream.messages.task_plan import OffsetRange
from tests.flows.learner_process import check_that_plans_tile
from tests.learner.small import SETTINGS, digits_log

SAMPLE = LearnerSettings(**SETTINGS.model_dump() | {"overload": "sample", "overload_lag_frames": 64})


def waiting(here, behind=0):
    records = [Record(0, offset, 0, None, b"", ()) for offset in range(here)]
    return Waiting({0: records}, frozenset({0} if behind else ()), behind)


@pytest.mark.parametrize(
    ("here", "behind", "last", "expected"),
    [
        (64, 0, 1, 1),
        (65, 0, 1, 2),
        (129, 0, 1, 4),
        (500, 10**6, 1, 16),
        (65, 10**6, 1, 4),
        (20, 10**6, 1, 1),
        (40, 0, 2, 2),
        (32, 0, 2, 1),
    ],
)
def test_the_further_behind_the_sparser_as_far_as_what_is_polled_fills_a_plan(here, behind, last, expected):
    assert keep_one_in(waiting(here, behind), 16, last, SAMPLE) == expected


def test_by_default_a_learner_only_falls_behind():
    assert keep_one_in(waiting(500, 10**6), 16, 1, SETTINGS) == 1


@pytest.fixture(scope="module")
def overloaded():
    """Return the plans, effects and last state of a learner that found 224 frames waiting."""
    log, plans, state = digits_log(224), MemoryPlanLog(), LearnerState.new(SAMPLE)
    logs, told = InputLogs(log), []
    planner = Planner("small", logs, plans, state, lambda: 0, Faults())
    while (plan := planner.next_plan(state, 0.0)) is not None:
        state, effects = step(state, plan, logs.take(plan))
        told.append(effects)
    return plans.plans_after(0), told, state, log.end_offsets()


def test_every_frame_has_one_effect_learned_from_or_counted(overloaded):
    plans, told, state, ends = overloaded
    left = sum(ends.values()) - sum(state.progress.positions.frames.values())
    check_that_plans_tile(plans, state.progress.positions.frames)
    assert sum(effects.frames + effects.skipped for effects in told) == 224 - left
    assert state.progress.frames_skipped == sum(effects.skipped for effects in told) > 100


def test_the_policy_begins_and_ends_with_an_event(overloaded):
    _, told, _, _ = overloaded
    begun, ended = [event.evidence for effects in told for event in events_of(effects) if event.kind == "overload"]
    assert begun["keep_one_in"] > ended["keep_one_in"] == 1
    assert begun["frames_skipped"] == 0 < ended["frames_skipped"]


def test_plans_cut_under_overload_end_in_the_same_bytes_when_executed_again(overloaded):
    plans, _, state, _ = overloaded
    logs, again = InputLogs(digits_log(224)), LearnerState.new(SAMPLE)
    for plan in plans:
        again, _ = step(again, plan, logs.take(plan))
    assert state_to_bytes(again) == state_to_bytes(state)
    assert state_from_bytes(state_to_bytes(state)).progress.frames_skipped == state.progress.frames_skipped


def test_the_first_of_so_many_is_kept_of_each_partition(overloaded):
    plans, _, _, _ = overloaded
    log, state = digits_log(224), LearnerState.new(SAMPLE)
    ranges = {0: OffsetRange(0, 9), 1: OffsetRange(0, 4)}
    plan = replace(plans[0], frames=ranges, keep_one_in=4)
    state, effects = step(state, plan, InputLogs(log).take(plan))
    assert (effects.frames, effects.skipped) == (4, 9)
    assert state.window.all_places() == [Place(0, 0), Place(0, 4), Place(0, 8), Place(1, 0)]


def test_the_policy_only_plans_so_it_may_change_while_plans_wait():
    assert SAMPLE.sha256() == SETTINGS.sha256()
