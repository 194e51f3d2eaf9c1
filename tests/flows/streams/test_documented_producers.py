"""The producers in docs/feeding.md are run as they stand there; only Kafka's address and the topic are the test's."""

import re
from contextlib import closing

import pytest

from learner.intake.admission import admit, decoder
from learner.intake.resends import ResendWindows
from stream.frame import Frame
from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.topics import Topics
from tests.architecture.tree import ROOT
from tests.learner.small import PREPROCESSING
from tests.stream.sources.files import write_picture

BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "feeding.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def frames(stream_settings, tmp_path, monkeypatch):
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        write_picture(tmp_path, f"photos/{number}.jpg", 60 * number)
    write_picture(tmp_path, "photo.jpg", 200)
    return topics.frames


def produced(block, settings, topic):
    """Run a block of the document and return all records of the topic."""
    code = block.replace("127.0.0.1:19092", settings.bootstrap_servers).replace('"r2r.frames"', f'"{topic}"')
    assert code.count(topic) == code.count(settings.bootstrap_servers) == 1
    names = {}
    exec(compile(code, "docs/feeding.md", "exec"), names)  # noqa: S102  the document is ours
    with closing(names["producer"]):
        return read_topic(settings, topic)


def test_the_document_has_the_two_producers():
    first, second = BLOCKS
    assert "ce_source" in first
    assert len([line for line in first.splitlines() if line and "import" not in line]) <= 10
    assert "ce_source" not in second


def test_the_cloudevents_producer_is_read_with_source_id_sequence_and_time(stream_settings, frames):
    records = produced(BLOCKS[0], stream_settings, frames)
    read = [Frame.from_record(each.value, each.headers, frames, (each.partition, each.offset)) for each in records]
    assert [(frame.source, frame.id, frame.sequence) for frame in read] == [
        ("desk", "0.jpg", 0),
        ("desk", "1.jpg", 1),
        ("desk", "2.jpg", 2),
    ]
    assert {(frame.content_type, frame.time_ms) for frame in read} == {("image/jpeg", 1_769_860_800_000)}


def test_run_again_it_sends_the_same_frames_and_the_learner_drops_them(stream_settings, frames):
    produced(BLOCKS[0], stream_settings, frames)
    records = produced(BLOCKS[0], stream_settings, frames)
    admitted = admit(records, frames, ResendWindows(), decoder(stream_settings), PREPROCESSING)
    assert (len(records), len(admitted.places), admitted.resent, admitted.rejected) == (6, 3, 3, [])


def test_a_plain_jpeg_without_headers_is_admitted_as_often_as_it_is_sent(stream_settings, frames):
    produced(BLOCKS[1], stream_settings, frames)
    records = produced(BLOCKS[1], stream_settings, frames)
    admitted = admit(records, frames, ResendWindows(), decoder(stream_settings), PREPROCESSING)
    assert (len(admitted.places), admitted.resent, admitted.rejected) == (2, 0, [])
    identities = {Frame.from_record(r.value, r.headers, frames, (r.partition, r.offset)).identity for r in records}
    assert len(identities) == 2
