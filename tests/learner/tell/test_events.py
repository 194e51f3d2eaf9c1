from dataclasses import replace

import pytest

from learner.change.detector import DriftSignal
from learner.memory.replay_memory import ReplayCounts
from learner.model.contract import UpdateReport
from learner.step import Effects
from learner.steps.commands import Named, RefusedCommand
from learner.steps.samples import RefusedSamples
from learner.tell.events import events_of
from stream.messages.event import Event
from stream.messages.replay import ReplayRequest
from stream.messages.task_plan import OffsetRange, TaskPlan

PLAN = TaskPlan("m", 1, 7, {0: OffsetRange(0, 4)}, {}, OffsetRange(0, 0), 0, "", 1_795_000_000_123)
SIGNAL = DriftSignal("page_hinkley", 21.5, 20.0, 3)
UPDATE = UpdateReport(90, 45, 1080, 0.01, [4, 5], 0, 6)


def effects_of(signal=None, update=None, uncertain_rate=0.25):
    return Effects(PLAN, 4, 0, [], uncertain_rate, signal, update)


def test_a_quiet_micro_task_has_no_events():
    assert events_of(effects_of()) == []


def test_decisions_come_in_order_with_their_evidence_and_derived_ids():
    events = events_of(effects_of(SIGNAL, UPDATE))
    assert [event.kind for event in events] == ["drift", "birth", "birth", "update"]
    assert [event.id for event in events] == [f"m/7/event/{n}" for n in range(4)]
    assert {event.at_ms for event in events} == {PLAN.cut_at_ms}
    assert events[0].evidence == {
        "detector": "page_hinkley",
        "statistic": 21.5,
        "threshold": 20.0,
        "frame": 3,
        "uncertain_rate": 0.25,
    }
    assert [event.evidence for event in events[1:3]] == [{"cluster": 4}, {"cluster": 5}]
    assert events[3].evidence["images_backpropagated"] == 1080


def test_what_is_merged_and_pruned_is_told_before_the_update_that_did_it():
    update = replace(UPDATE, cause="interval", novel_frames=12, merged=((1, 5), (0, 3)), pruned=(2,))
    *decisions, last = events_of(effects_of(None, update))[2:]
    assert [(event.kind, event.evidence) for event in decisions] == [
        ("merge", {"cluster": 1, "gone": 5}),
        ("merge", {"cluster": 0, "gone": 3}),
        ("prune", {"cluster": 2}),
    ]
    assert (last.kind, last.evidence["cause"], last.evidence["novel_frames"]) == ("update", "interval", 12)


def test_commands_and_samples_are_told_first_and_requests_last():
    asked = ReplayRequest("m/7/replay-request/0", "m", 7, 4, "", [], 15, 0, 0)
    told = replace(
        effects_of(SIGNAL, UPDATE),
        commands=[Named("a", 4, "cat"), RefusedCommand("b", "bad_name", "why")],
        refused_samples=[RefusedSamples(8, "truncated", "why"), RefusedSamples(9, "duplicate", "again")],
        requests=[asked, asked],
        replay=ReplayCounts(requested=30, in_time=20, used=18),
    )
    naming, refusal, samples, *others, requests = events_of(told)
    assert (naming.kind, naming.evidence) == ("naming", {"command": "a", "cluster": 4, "name": "cat"})
    assert (refusal.kind, refusal.evidence["reason"]) == ("command_refused", "bad_name")
    assert (samples.kind, samples.evidence["reasons"]) == ("samples_refused", ["duplicate", "truncated"])
    update = next(event for event in others if event.kind == "update")
    assert [update.evidence[f"samples_{name}"] for name in ("requested", "in_time", "used")] == [30, 20, 18]
    assert (requests.kind, requests.evidence) == ("replay_request", {"requests": 2, "images": 30})


def test_the_same_effects_give_the_same_bytes():
    first, again = ([event.to_bytes() for event in events_of(effects_of(SIGNAL, UPDATE))] for _ in range(2))
    assert first == again
    assert [Event.from_bytes(event) for event in first] == events_of(effects_of(SIGNAL, UPDATE))


@pytest.mark.parametrize(
    ("more", "publishes"),
    [
        ({}, False),
        ({"signal": SIGNAL}, False),
        ({"commands": [RefusedCommand("b", "bad_name", "why")]}, False),
        ({"update": UPDATE}, True),
        ({"commands": [Named("a", 4, "cat")]}, True),
        ({"renamed": {4: "cat"}}, True),
    ],
)
def test_updates_and_names_are_to_be_published(more, publishes):
    assert replace(effects_of(), **more).publishes is publishes
