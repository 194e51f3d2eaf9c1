"""A stream of many times the window leaves the state as large as its clusters make it."""

from dataclasses import dataclass

import pytest

from learner.faults import Faults
from learner.model.contract import live_ids
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.process import fix_threads
from learner.save.format import state_to_bytes
from learner.state import LearnerState
from learner.step import step
from tests.learner.small import SETTINGS, digits_log

FRAMES = 800  # all digits there are: 50 micro-tasks, more than 12 of the small windows
EXEMPLARS_OF_A_CLUSTER_BYTES = SETTINGS.exemplars * 3 * 32 * 32
MOST_DOCUMENT_BYTES = 16 * 1024  # settings, counts, and 256 frames' excesses


@dataclass(frozen=True)
class After:
    """What one micro-task leaves."""

    tensor_bytes: int
    document_bytes: int
    clusters: int
    updates: int


def states_of(settings):
    """Return what each micro-task of the whole stream leaves."""
    fix_threads(1)
    log, state = digits_log(FRAMES), LearnerState.new(settings)
    planner = Planner("small", InputLogs(log), MemoryPlanLog(), state, lambda: 0, Faults())
    found = []
    while (plan := planner.next_plan(state, 0.0)) is not None:
        state, _ = step(state, plan, InputLogs(log).take(plan))
        assert len(state.window.recent_images()) <= settings.window_frames
        sizes = (len(content) for content in state_to_bytes(state).values())
        found.append(After(*sizes, len(live_ids(state.model)), state.progress.updates))
    return found


def test_without_births_task_50_leaves_no_larger_a_state_than_task_5():
    unmoved = {"window_frames": 64, "interval_frames": 64, "drift_threshold": 1e9}
    unmoved["clusters"] = SETTINGS.clusters.model_copy(update={"novel_rate": 1.0})
    found = states_of(SETTINGS.model_copy(update=unmoved))
    early, late, last = found[4], found[49], found[-1]
    assert (early.clusters, early.updates) == (2, 1)
    assert (last.clusters, last.updates) == (2, 12), "an update after each window"
    assert late.tensor_bytes + late.document_bytes <= 1.05 * (early.tensor_bytes + early.document_bytes)


@pytest.mark.parametrize("max_clusters", [5, 16])
def test_updates_and_births_fill_slots_that_are_there_already_and_add_exemplars_alone(max_clusters):
    clusters = SETTINGS.clusters.model_copy(update={"max_clusters": max_clusters})
    found = states_of(SETTINGS.model_copy(update={"clusters": clusters}))
    first = next(after for after in found if after.clusters)
    assert found[-1].updates >= 3, "the stream changes four times"
    assert found[-1].clusters <= max_clusters
    for after in found:
        added = EXEMPLARS_OF_A_CLUSTER_BYTES * max(0, after.clusters - first.clusters)
        assert after.tensor_bytes <= 1.01 * first.tensor_bytes + added
    assert max(after.document_bytes for after in found) <= MOST_DOCUMENT_BYTES
