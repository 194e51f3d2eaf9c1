"""A stream of many times the window leaves the state as large as it was."""

import pytest
from learner.save.state_format import state_to_bytes

from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.service import fix_threads
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import execute
from tests.learner.small import AROUND, SETTINGS, digits_log

FRAMES = 800  # all digits there are: 50 micro-tasks, more than 12 of the small windows


def sizes_of(settings):
    """Return the state's bytes and live clusters after each micro-task of the whole stream."""
    fix_threads(1)
    log, state = digits_log(FRAMES), LearnerState.new(settings)
    planner = Planner("small", InputLogs(log), MemoryPlanLog(), state, lambda: 0, AROUND.faults)
    found = []
    while (plan := planner.next_plan(state, 0.0)) is not None:
        execute(state, plan, InputLogs(log).take(plan), AROUND)
        assert len(state.window.recent_images()) <= settings.window_frames
        size = sum(len(content) for content in state_to_bytes(state).values())
        found.append((size, state.knowledge.mixture.live_clusters, state.updates))
    return found


def test_without_births_task_50_leaves_no_larger_a_state_than_task_5():
    unmoved = {"window_frames": 64, "interval_frames": 64, "drift_threshold": 1e9, "novel_rate": 1.0}
    found = sizes_of(LearnerSettings(**SETTINGS.model_dump() | unmoved))
    assert found[4][1:] == (2, 1)
    assert found[-1][1:] == (2, 12), "an update after each window"
    assert found[49][0] <= 1.05 * found[4][0]


@pytest.mark.parametrize("max_clusters", [5, 16])
def test_updates_and_births_fill_slots_that_are_there_already(max_clusters):
    settings = LearnerSettings(**SETTINGS.model_dump() | {"max_clusters": max_clusters})
    found = sizes_of(settings)
    first = next(size for size, clusters, _ in found if clusters)
    assert found[-1][2] >= 3, "the stream changes four times"
    assert found[-1][1] <= max_clusters
    assert max(size for size, _, _ in found) <= 1.05 * first
