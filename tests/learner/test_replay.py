"""The whole way of replay in memory: asked when a change is noticed, answered, learned from."""

from dataclasses import replace

import pytest
from learner.save.state_format import state_from_bytes, state_to_bytes

from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.state import LearnerState
from learner.step import execute
from learner.tell.events import events_of
from stream.memory_log import MemoryLog
from tests.learner.small import AROUND, SETTINGS, digits_log, run_through
from tests.learner.workers import answer_all, painted

FRAMES = 224  # so many that a change of classes is noticed and learned from


def through(told, frames=FRAMES, plans=None, settings=SETTINGS):
    samples = MemoryLog(1)
    logs = InputLogs(digits_log(frames), samples)
    state, reports = run_through(logs, settings, plans, told=lambda report: told(report, samples))
    return state, reports, samples


def nobody(report, samples):
    """No worker answers."""


@pytest.fixture(scope="module")
def answered():
    plans = MemoryPlanLog()
    return *through(answer_all, plans=plans), plans


def learned(reports):
    return [report for report in reports if report.update][1]


def test_each_cluster_is_asked_for_when_a_change_is_noticed(answered):
    _, reports, _, _ = answered
    (asking,) = [report for report in reports if report.requests]
    assert asking.signal is not None
    assert [request.cluster for request in asking.requests] == [0, 1]


def test_all_that_came_in_time_is_used_in_the_update_it_was_asked_for(answered):
    state, reports, _, _ = answered
    counts = learned(reports).replay
    assert counts.requested == counts.in_time == counts.used == counts.used_in_time > 30
    assert (counts.late, counts.dropped, counts.refused) == (0, 0, 0)
    assert state.replay.painted == []


def test_behind_its_stream_a_learner_uses_in_the_next_update_what_it_asked_for_ahead():
    samples = MemoryLog(1)
    logs = InputLogs(digits_log(400, frame_ms=1), samples)
    _, reports = run_through(logs, told=lambda report: answer_all(report, samples))
    second, third = [report.replay for report in reports if report.update][1:3]
    assert (second.requested, second.requested_ahead, second.used) == (0, third.requested, 0)
    assert third.requested == third.used_in_time > 10


def test_an_answered_learner_ends_other_than_one_without_workers_and_that_as_with_replay_off(answered):
    with_workers = state_to_bytes(answered[0])["tensors.safetensors"]
    without, reports, _ = through(nobody)
    off, _, _ = through(nobody, settings=SETTINGS.model_copy(update={"replay": False}))
    assert state_to_bytes(without)["tensors.safetensors"] == state_to_bytes(off)["tensors.safetensors"] != with_workers
    assert learned(reports).replay.used == 0


def test_the_same_plans_with_the_same_samples_end_in_the_same_bytes(answered):
    planned, _, samples, plans = answered
    logs, state = InputLogs(digits_log(FRAMES), samples), LearnerState.new(SETTINGS)
    samples.seek({})
    for plan in plans.plans_after(0):
        execute(state, plan, logs.take(plan), AROUND)
    assert state_to_bytes(state) == state_to_bytes(planned)


def test_a_vote_that_changes_a_name_is_a_new_version_and_is_told():
    def name_all(report, samples):
        for request in report.requests:
            batch = replace(painted(request), name=f"digit {request.cluster}", score=0.9)
            samples.append(0, None, batch.to_bytes())

    state, reports, _ = through(name_all)
    naming, introduced = [report for report in reports if report.renamed]
    assert naming.renamed == {0: "digit 0", 1: "digit 1"}
    assert naming.changes_what_is_served
    assert [event.kind for event in events_of(naming)].count("naming") == 2
    assert introduced.renamed == {2: "digit 2", 3: "digit 3"}, "new clusters are shown to the labeller at once"
    assert state.names.by_cluster() == naming.renamed | introduced.renamed
    assert state_from_bytes(state_to_bytes(state))[0].names == state.names


def test_a_batch_that_comes_twice_is_used_once(answered):
    def answer_twice(report, samples):
        answer_all(report, samples)
        answer_all(report, samples)

    state, reports, _ = through(answer_twice)
    assert state_to_bytes(state)["tensors.safetensors"] == state_to_bytes(answered[0])["tensors.safetensors"]
    refused = [refused.reason for report in reports for refused in report.refused_samples]
    assert refused == ["duplicate"] * 2


def test_a_state_with_requests_and_samples_waiting_is_saved_and_read_back_whole():
    def answer_in_part(report, samples):
        for request in report.requests[:1]:
            samples.append(0, None, painted(request, 3, 0, 2).to_bytes())

    state, _, _ = through(answer_in_part, frames=192)
    assert (len(state.replay.painted), len(state.replay.asked), len(state.exemplars.by_cluster)) == (3, 2, 2)
    again, _ = state_from_bytes(state_to_bytes(state))
    again.window = state.window
    assert state_to_bytes(again) == state_to_bytes(state)
