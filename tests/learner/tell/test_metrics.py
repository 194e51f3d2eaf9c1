from dataclasses import replace

from prometheus_client import REGISTRY

from learner.change.detector import DriftSignal
from learner.intake.admission import Rejected
from learner.intake.progress import Progress
from learner.memory.replay_memory import ReplayCounts
from learner.model.contract import UpdateReport
from learner.state import LearnerState
from learner.step import Effects
from learner.steps.commands import Named, RefusedCommand
from learner.steps.samples import RefusedSamples
from learner.tell import metrics
from stream.log import Record
from stream.messages.replay import ReplayRequest
from stream.messages.task_plan import OffsetRange, TaskPlan
from stream.process.errors import InvalidImage
from tests.learner.small import SETTINGS


def value(name, **labels):
    return REGISTRY.get_sample_value(f"r2r_learner_{name}", labels)


def effects_of(model, update=None, signal=None):
    plan = TaskPlan(model, 1, 3, {}, {}, OffsetRange(0, 0), 0, "", 0)
    bad = Rejected(Record(0, 0, 0, None, b"", ()), InvalidImage("no image; send one", reason="not_an_image"))
    return Effects(plan, 15, 2, [bad], 0.25, signal, update)


def test_each_task_is_counted_under_its_model():
    state = replace(LearnerState.new(SETTINGS), progress=Progress(task_seq=3))
    for _ in range(2):
        metrics.observe_task(state, effects_of("counted"), 0.1)
    metrics.observe_task(state, effects_of("other"), 0.1)
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
    metrics.observe_task(LearnerState.new(SETTINGS), effects_of("learning", update, signal), 0.1)
    assert value("updates_total", model="learning") == 1
    assert value("images_backpropagated_total", model="learning") == 1440
    assert value("drift_signals_total", model="learning") == 1


def test_commands_and_replay_are_counted_by_what_became_of_them():
    update = UpdateReport(90, 90, 1440, 0.01, [0, 1], 0, 2)
    asked = ReplayRequest("m/7/replay-request/0", "m", 7, 4, "", [], 15, 0, 0)
    told = replace(
        effects_of("replaying", update),
        commands=[Named("a", 4, "cat"), RefusedCommand("b", "bad_name", "why")],
        refused_samples=[RefusedSamples(8, "truncated", "why")],
        requests=[asked, asked],
        replay=ReplayCounts(requested=30, in_time=20, late=2, used=18),
    )
    metrics.observe_task(LearnerState.new(SETTINGS), told, 0.1)
    metrics.observe_replay_stall("replaying", 0.25)
    assert value("commands_total", model="replaying", outcome="named") == 1
    assert value("commands_total", model="replaying", outcome="bad_name") == 1
    assert value("samples_requested_total", model="replaying") == 30
    assert value("samples_total", model="replaying", fate="used") == 18
    assert value("sample_batches_refused_total", model="replaying", reason="truncated") == 1
    assert value("replay_stall_seconds", model="replaying") == 0.25


def test_lag_is_shown_for_each_partition():
    metrics.observe_lag("lagging", {0: 5, 2: 0})
    assert value("lag_records", model="lagging", partition="0") == 5
    assert value("lag_records", model="lagging", partition="2") == 0
