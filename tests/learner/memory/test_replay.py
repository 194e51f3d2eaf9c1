"""The whole way of replay in memory: asked when a change is noticed, answered, learned from."""

from dataclasses import replace

import pytest

from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.save.format import state_from_bytes, state_to_bytes
from learner.state import LearnerState
from learner.step import step
from learner.tell.events import events_of
from stream.memory_log import MemoryLog
from tests.learner.small import SETTINGS, digits_log, run_through
from tests.learner.workers import answer_all, painted

FRAMES = 224  # so many that a change of classes is noticed and learned from


def through(answer, frames=FRAMES, plans=None, settings=SETTINGS):
    samples = MemoryLog(1)
    logs = InputLogs(digits_log(frames), samples, topic="frames")
    state, told = run_through(logs, settings, plans, lambda effects: answer(effects, samples))
    return state, told, samples


def nobody(effects, samples):
    """No worker answers."""


@pytest.fixture(scope="module")
def answered():
    plans = MemoryPlanLog()
    return *through(answer_all, plans=plans), plans


def learned(told):
    return [effects for effects in told if effects.update][1]


def test_each_cluster_is_asked_for_when_a_change_is_noticed(answered):
    _, told, _, _ = answered
    (asking,) = [effects for effects in told if effects.requests]
    assert asking.signal is not None
    assert [request.cluster for request in asking.requests] == [0, 1]


def test_all_that_came_in_time_is_used_in_the_update_it_was_asked_for(answered):
    state, told, _, _ = answered
    counts = learned(told).replay
    assert counts.requested == counts.in_time == counts.used == counts.used_in_time > 30
    assert (counts.late, counts.dropped, counts.refused) == (0, 0, 0)
    assert state.replay.generated == ()


def test_behind_its_stream_a_learner_uses_in_the_next_update_what_it_asked_for_ahead():
    samples = MemoryLog(1)
    logs = InputLogs(digits_log(400, frame_ms=1), samples, topic="frames")
    _, told = run_through(logs, observe=lambda effects: answer_all(effects, samples))
    second, third = [effects.replay for effects in told if effects.update][1:3]
    assert (second.requested, second.requested_ahead, second.used) == (0, third.requested, 0)
    assert third.requested == third.used_in_time > 10


def test_an_answered_learner_ends_other_than_one_without_workers_and_that_as_with_replay_off(answered):
    with_workers = state_to_bytes(answered[0])["tensors.safetensors"]
    without, told, _ = through(nobody)
    off, _, _ = through(nobody, settings=SETTINGS.model_copy(update={"replay": False}))
    assert state_to_bytes(without)["tensors.safetensors"] == state_to_bytes(off)["tensors.safetensors"] != with_workers
    assert learned(told).replay.used == 0


def test_the_same_plans_with_the_same_samples_end_in_the_same_bytes(answered):
    planned, _, samples, plans = answered
    logs, state = InputLogs(digits_log(FRAMES), samples, topic="frames"), LearnerState.new(SETTINGS)
    samples.seek({})
    for plan in plans.plans_after(0):
        state, _ = step(state, plan, logs.take(plan))
    assert state_to_bytes(state) == state_to_bytes(planned)


def test_a_vote_that_changes_a_name_is_a_new_version_and_is_told():
    def name_all(effects, samples):
        for request in effects.requests:
            batch = replace(painted(request), name=f"digit {request.cluster}", score=0.9)
            samples.append(0, None, batch.to_bytes())

    state, told, _ = through(name_all)
    naming, introduced = [effects for effects in told if effects.renamed]
    assert naming.renamed == {0: "digit 0", 1: "digit 1"}
    assert naming.publishes
    assert [event.kind for event in events_of(naming)].count("naming") == 2
    born = learned(told).update.added
    assert born
    assert introduced.renamed == {cluster: f"digit {cluster}" for cluster in born}, "they are shown to it at once"
    assert state.names.by_cluster() == naming.renamed | introduced.renamed
    assert state_from_bytes(state_to_bytes(state)).names == state.names


def test_a_batch_that_comes_twice_is_used_once(answered):
    def answer_twice(effects, samples):
        answer_all(effects, samples)
        answer_all(effects, samples)

    state, told, _ = through(answer_twice)
    assert state_to_bytes(state)["tensors.safetensors"] == state_to_bytes(answered[0])["tensors.safetensors"]
    refused = [refused.reason for effects in told for refused in effects.refused_samples]
    assert refused == ["duplicate"] * 2


def test_a_state_with_requests_and_samples_waiting_is_saved_and_loaded_whole():
    def answer_in_part(effects, samples):
        for request in effects.requests[:1]:
            samples.append(0, None, painted(request, 3, 0, 2).to_bytes())

    state, _, _ = through(answer_in_part, frames=192)
    assert (len(state.replay.generated), len(state.replay.asked), len(state.exemplars.by_cluster)) == (3, 2, 2)
    again = state_from_bytes(state_to_bytes(state))
    assert state_to_bytes(again) == state_to_bytes(state)
