import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from stream.frame import Frame
from stream.image_codec import decode_image
from stream.process.errors import InvalidMessage, UnknownFormat

STORED = Path(__file__).parents[1] / "fixtures" / "formats" / "v1"
FRAME = Frame("entrance/2", "a|b", 17, "image/jpeg", b"\xff\xd8\xff", 1_795_000_000_123)


def read(value, headers, position=(1, 42)):
    return Frame.from_record(value, headers, "r2r.frames", position)


def changed(**headers):
    _, value, sent = FRAME.to_record()
    kept = {name: content for name, content in sent if name not in headers}
    return value, [*kept.items(), *((name, text.encode()) for name, text in headers.items() if text is not None)]


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        Frame("kö/0", "0", 0, "image/png", b"png", 0),
        Frame("camera", "x", None, "image/webp", b"webp"),
    ],
)
def test_a_frame_comes_back_as_it_was_sent(frame):
    key, value, headers = frame.to_record()
    assert key == frame.source.encode()
    assert read(value, headers) == frame


def test_the_cloudevents_package_reads_what_we_write():
    key, value, headers = FRAME.to_record()
    event = from_binary(KafkaMessage(dict(headers), key, value), JSONFormat())
    assert isinstance(event, CloudEvent)
    assert (event.get_source(), event.get_id(), event.get_type()) == ("entrance/2", "a|b", "r2r.frame")
    assert event.get_time() == datetime.fromtimestamp(1_795_000_000.123, UTC)
    assert event.get_datacontenttype() == "image/jpeg"
    assert event.get_extension("sequence") == "17"
    assert event.get_extension("partitionkey") == "entrance/2"
    assert event.get_data() == FRAME.image


def test_we_read_what_the_cloudevents_package_writes():
    attributes = {
        "specversion": "1.0",
        "type": "com.example.picture",
        "source": "entrance/2",
        "id": "a|b",
        "datacontenttype": "image/jpeg",
        "time": datetime.fromtimestamp(1_795_000_000.123, UTC),
        "sequence": "17",
    }
    message = to_binary(CloudEvent(attributes, FRAME.image), JSONFormat())
    assert read(message.value, list(message.headers.items())) == FRAME


def test_a_plain_image_is_known_by_where_it_stands_in_the_log():
    frame = read(b"\xff\xd8\xff", [])
    assert (frame.source, frame.id, frame.sequence) == ("r2r.frames/1", "42", None)
    assert frame.identity == "r2r.frames/1|42"
    assert frame.content_type == "application/octet-stream"
    assert frame.time_ms is None


@pytest.mark.parametrize("missing", ["ce_source", "ce_id"])
def test_half_an_identity_is_none(missing):
    frame = read(*changed(**{missing: None}))
    assert (frame.source, frame.id, frame.sequence) == ("r2r.frames/1", "42", None)


def test_header_names_may_be_in_capitals():
    value, headers = changed()
    assert read(value, [(name.upper(), content) for name, content in headers]) == FRAME


@pytest.mark.parametrize("body", [b"", None])
def test_a_record_without_a_body_is_refused(body):
    with pytest.raises(InvalidMessage, match=r"r2r\.frames/1/42") as caught:
        read(body, [])
    assert caught.value.reason == "empty_body"


@pytest.mark.parametrize(
    ("name", "content"), [("ce_sequence", b"many"), ("ce_time", b"yesterday"), ("ce_source", b"\xff")]
)
def test_an_unreadable_header_is_refused(name, content):
    value, headers = changed(**{name: None})
    with pytest.raises(InvalidMessage) as caught:
        read(value, [*headers, (name, content)])
    assert caught.value.reason == "bad_header"


def test_an_unknown_minor_version_is_read():
    value, headers = changed(ce_r2rversion="1.9")
    assert read(value, [*headers, ("ce_lens", b"wide")]) == FRAME


def test_an_unknown_major_version_is_an_unknown_format():
    with pytest.raises(UnknownFormat, match=r"2\.0") as caught:
        read(*changed(ce_r2rversion="2.0"))
    assert caught.value.reason == "unknown_format"


def test_the_stored_frame_of_version_1_is_read():
    stored = json.loads((STORED / "frame.json").read_text())
    image = (STORED / "frame.bin").read_bytes()
    headers = [(name, text.encode()) for name, text in stored["headers"].items()]
    assert read(image, headers) == Frame("entrance/2", "17", 17, "image/png", image, 1_795_000_000_123)
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    np.testing.assert_array_equal(decode_image(image, 1000, 64), pixels)


def test_the_stored_frame_is_what_this_release_writes():
    stored = json.loads((STORED / "frame.json").read_text())
    frame = Frame("entrance/2", "17", 17, "image/png", b"", 1_795_000_000_123)
    key, _, headers = frame.to_record()
    assert key.decode() == stored["key"]
    assert {name: content.decode() for name, content in headers} == stored["headers"]


@pytest.mark.parametrize(
    "headers",
    [
        [("ce_source", b"s" * 990), ("ce_id", b"i" * 20)],
        [("ce_source", b"s"), ("ce_id", b"1"), ("ce_time", b"yesterday")],
        [("ce_source", b"s"), ("ce_id", b"1"), ("ce_time", b"2026-01-31T12:00:00")],
        [("ce_source", b"s"), ("ce_id", b"1"), ("ce_sequence", b"-1")],
        [("ce_source", b"s"), ("ce_id", b"1"), ("ce_sequence", b"9" * 4000)],
        [("ce_source", b"\xff")],
    ],
)
def test_a_header_that_cannot_be_used_is_refused_and_never_stops_the_reader(headers):
    with pytest.raises(InvalidMessage) as refusal:
        Frame.from_record(b"image", headers, "frames", (0, 0))
    assert refusal.value.reason == "bad_header"
