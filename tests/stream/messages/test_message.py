import json
import re
import time
from dataclasses import fields
from pathlib import Path

import pytest

from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.command import Command
from stream.messages.event import Event
from stream.messages.model_version import ModelVersion
from stream.messages.replay import ReplayRequest, ReplaySamples
from stream.messages.task_plan import OffsetRange, TaskPlan
from stream.messages.truth import Truth
from stream.process.errors import InvalidMessage, UnknownFormat

STORED = Path(__file__).parents[2] / "fixtures" / "formats" / "v1"
WRITTEN = {
    "task_plan": TaskPlan(
        model="digits",
        epoch=3,
        task_seq=7,
        frames={0: OffsetRange(64, 86), 1: OffsetRange(60, 81), 2: OffsetRange(61, 82)},
        samples={0: OffsetRange(5, 9)},
        commands=OffsetRange(2, 3),
        seed=1234567890123,
        settings_sha="ab" * 32,
        cut_at_ms=1_795_000_000_123,
        keep_one_in=4,
    ),
    "checkpoint_ready": CheckpointReady(
        id="digits/7/checkpoint/0",
        model="digits",
        task_seq=7,
        uri="checkpoints/digits/7",
        sha256="cd" * 32,
        publish=True,
    ),
    "event": Event(
        id="digits/7/drift/0",
        model="digits",
        task_seq=7,
        kind="drift",
        at_ms=1_795_000_000_123,
        evidence={
            "detector": "page_hinkley",
            "statistic": 21.5,
            "threshold": 20,
            "clusters": [3, 4],
            "means": [0.25, -1.5],
            "names": ["seven", "eight"],
        },
    ),
    "model_version": ModelVersion(
        model="digits",
        version=7,
        uri="registry/live/digits/7",
        sha256="ef" * 32,
        metrics={"parity_max_difference": 1.5e-06, "live_clusters": 10.0},
    ),
    "truth": Truth(label=3, name="three"),
    "command": Command("5f0c", "digits", "name", {"cluster": 4, "name": "four"}, 1_795_000_000_123),
    "replay_request": ReplayRequest(
        id="digits/7/replay-request/0",
        model="digits",
        task_seq=7,
        cluster=4,
        name="four",
        exemplars=[b"\x89PNG\r\n"],
        images=45,
        seed=1234567890123,
        expires_at_ms=1_795_000_010_123,
        members=[b"\x89PNG\r\n", b"\x89PNG"],
    ),
    "replay_samples": ReplaySamples(
        id="digits/7/replay-request/0/samples/1",
        model="digits",
        task_seq=7,
        request="digits/7/replay-request/0",
        cluster=4,
        part=1,
        parts=2,
        name="four",
        score=0.75,
        generator="resynthesis",
        seeds=[1, 2],
        images=[b"\x89PNG\r\n", b"\xff\xd8"],
        gap=0.125,
        member_names=["four", ""],
        member_scores=[0.96875, 0.5],
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_stored_document_of_version_1_is_read_with_all_its_fields(name):
    expected = WRITTEN[name]
    read = type(expected).from_bytes((STORED / f"{name}.json").read_bytes())
    for field in fields(expected):
        assert getattr(read, field.name) == getattr(expected, field.name), field.name


@pytest.mark.parametrize("name", WRITTEN)
def test_the_stored_document_is_what_this_release_writes(name):
    assert WRITTEN[name].to_bytes() == (STORED / f"{name}.json").read_bytes().rstrip()


@pytest.mark.parametrize("name", WRITTEN)
def test_a_document_comes_back_as_it_was_written(name):
    message = WRITTEN[name]
    assert type(message).from_bytes(message.to_bytes()) == message


def stored(name, **changes):
    body = {**json.loads((STORED / f"{name}.json").read_bytes()), **changes}
    return json.dumps(body).encode()


def again(version, name):
    return re.sub(r"/1\.\d+$", f"/{version}", json.loads(stored(name))["format"])


def test_a_plan_of_version_1_0_keeps_all_its_frames():
    plan = TaskPlan.from_bytes((STORED / "task_plan_1_0.json").read_bytes())
    assert (plan.task_seq, plan.keep_one_in) == (7, 1)


def test_a_request_of_version_1_0_shows_no_members():
    request = ReplayRequest.from_bytes((STORED / "replay_request_1_0.json").read_bytes())
    assert (request.id, len(request.exemplars), request.members) == ("digits/7/replay-request/0", 1, ())


def test_samples_of_version_1_1_say_nothing_of_members():
    samples = ReplaySamples.from_bytes((STORED / "replay_samples_1_1.json").read_bytes())
    assert (samples.gap, samples.member_names, samples.member_scores) == (0.125, (), ())


def test_samples_of_version_1_0_were_not_measured_against_real_images():
    samples = ReplaySamples.from_bytes((STORED / "replay_samples_1_0.json").read_bytes())
    assert (samples.name, samples.gap) == ("four", 0.0)


@pytest.mark.parametrize("name", WRITTEN)
def test_an_unknown_minor_version_is_read_and_its_new_keys_ignored(name):
    later = again("1.9", name)
    assert type(WRITTEN[name]).from_bytes(stored(name, format=later, new_key=[1])) == WRITTEN[name]


@pytest.mark.parametrize("name", WRITTEN)
def test_an_unknown_major_version_is_an_unknown_format(name):
    later = again("2.0", name)
    with pytest.raises(UnknownFormat, match=r"/2\.0"):
        type(WRITTEN[name]).from_bytes(stored(name, format=later))


@pytest.mark.parametrize("name", WRITTEN)
def test_a_missing_key_is_named(name):
    first = fields(WRITTEN[name])[0].name
    body = json.loads(stored(name))
    del body[first]
    with pytest.raises(InvalidMessage, match=first) as caught:
        type(WRITTEN[name]).from_bytes(json.dumps(body).encode())
    assert caught.value.reason == "incomplete"


@pytest.mark.parametrize("frames", [7, {"0": 5}, {"0": [1]}, {"zero": [1, 2]}, {"0": ["a", "b"]}])
def test_ranges_of_another_shape_are_refused(frames):
    with pytest.raises(InvalidMessage) as caught:
        TaskPlan.from_bytes(stored("task_plan", frames=frames))
    assert caught.value.reason == "incomplete"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("task_plan", {"seed": True}),
        ("task_plan", {"seed": "3"}),
        ("task_plan", {"seed": 3.0}),
        ("task_plan", {"commands": ["2", "3"]}),
        ("checkpoint_ready", {"publish": 1}),
        ("event", {"evidence": []}),
        ("model_version", {"metrics": {"live_clusters": "10"}}),
        ("command", {"arguments": ["cluster"]}),
        ("truth", {"label": "3"}),
        ("replay_request", {"exemplars": "iVBORw0K"}),
        ("replay_request", {"exemplars": ["%%%"]}),
        ("replay_samples", {"score": "0.9"}),
        ("replay_samples", {"member_names": [7, ""]}),
    ],
)
def test_a_value_of_another_type_is_refused_and_its_key_named(name, changes):
    (key,) = changes
    with pytest.raises(InvalidMessage, match=rf"does not fit its format \({key}") as caught:
        type(WRITTEN[name]).from_bytes(stored(name, **changes))
    assert caught.value.reason == "incomplete"


def test_text_that_cannot_be_written_is_refused():
    with pytest.raises(InvalidMessage, match=r"does not fit its format \(text: ") as caught:
        Truth.from_bytes(stored("truth", label="\ud800"))
    assert caught.value.reason == "incomplete"


def test_evidence_comes_as_it_was_written():
    evidence = {"means": [0.25, 1], "later": None, "nested": {"a": [True]}, "count": 3}
    assert repr(Event.from_bytes(stored("event", evidence=evidence)).evidence) == repr(evidence)


def test_a_plan_is_written_and_read_in_less_than_a_millisecond():
    plan = WRITTEN["task_plan"]
    took = []
    for _ in range(50):
        started = time.perf_counter()
        TaskPlan.from_bytes(plan.to_bytes())
        took.append(time.perf_counter() - started)
    assert min(took) < 0.001


def test_a_plans_ranges_are_offset_ranges_by_partition_number():
    plan = TaskPlan.from_bytes(stored("task_plan"))
    assert list(plan.frames) == [0, 1, 2]
    assert plan.frames[1].start == 60
    assert isinstance(plan.commands, OffsetRange)


def test_the_same_message_has_the_same_bytes_however_its_mappings_were_filled():
    one = Event("i", "m", 1, "drift", 0, {"a": 1, "b": 2})
    other = Event("i", "m", 1, "drift", 0, {"b": 2, "a": 1})
    assert one.to_bytes() == other.to_bytes()
