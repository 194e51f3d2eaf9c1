from prometheus_client import REGISTRY

from learner import metrics
from learner.admission import Rejected
from learner.drift import DriftSignal
from learner.executor import TaskReport
from learner.state import LearnerState
from learner.update import UpdateReport
from stream.errors import InvalidImage
from stream.log import Record
from stream.messages import OffsetRange, TaskPlan
from tests.learner.small import SETTINGS


def value(name, **labels):
    return REGISTRY.get_sample_value(f"r2r_learner_{name}", labels)


def report(model, update=None, signal=None):
    plan = TaskPlan(model, 1, 3, {}, {}, OffsetRange(0, 0), 0, "", 0)
    bad = Rejected(Record(0, 0, 0, None, b"", ()), InvalidImage("no image; send one", reason="not_an_image"))
    return TaskReport(plan, 15, 2, [bad], 0.25, signal, update)


def test_each_task_is_counted_under_its_model():
    state = LearnerState.new(SETTINGS)
    state.task_seq = 3
    for _ in range(2):
        metrics.observe_task(state, report("counted"), 0.1)
    metrics.observe_task(state, report("other"), 0.1)
    assert value("frames_total", model="counted") == 30
    assert value("frames_resent_total", model="counted") == 4
    assert value("frames_rejected_total", model="counted", reason="not_an_image") == 2
    assert value("uncertain_ratio", model="counted") == 0.25
    assert value("task", model="counted") == 3
    assert value("task_duration_seconds_count", model="counted") == 2
    assert value("updates_total", model="counted") is None


def test_signals_updates_and_their_cost_are_counted():
    update = UpdateReport(90, 90, 1440, 0.01, [0, 1], 0, 2)
    signal = DriftSignal("page_hinkley", 21.0, 20.0, 1)
    metrics.observe_task(LearnerState.new(SETTINGS), report("learning", update, signal), 0.1)
    assert value("updates_total", model="learning") == 1
    assert value("images_backpropagated_total", model="learning") == 1440
    assert value("drift_signals_total", model="learning") == 1


def test_lag_is_shown_for_each_partition():
    metrics.observe_lag("lagging", {0: 5, 2: 0})
    assert value("lag_records", model="lagging", partition="0") == 5
    assert value("lag_records", model="lagging", partition="2") == 0
