from learner.change.detector import DriftSignal
from learner.intake.admission import Rejected
from learner.save.checkpoint import SavedCheckpoint
from learner.step import Effects
from learner.tell.outbox import Outbox
from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.log import Record
from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.event import Event
from stream.messages.task_plan import OffsetRange, TaskPlan
from stream.process.errors import InvalidImage

PLAN = TaskPlan("m", 1, 7, {0: OffsetRange(0, 4)}, {}, OffsetRange(0, 0), 0, "", 1_795_000_000_123)
BAD = Rejected(Record(1, 3, 0, b"camera", b"text", ()), InvalidImage("no image; send one", reason="not_an_image"))
EFFECTS = Effects(PLAN, 4, 0, [BAD], 0.5, DriftSignal("page_hinkley", 21.0, 20.0, 1), None)


def test_a_task_is_sent_with_its_dead_letters_and_events_and_twice_under_the_same_ids(stream_settings):
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    with BoundedProducer(stream_settings) as producer:
        outbox = Outbox(producer, topics)
        outbox.send(EFFECTS)
        outbox.send(EFFECTS)
    dead = read_topic(stream_settings, topics.frames_dlq)
    assert [(record.key, record.value) for record in dead] == [(b"camera", b"text")] * 2
    headers = [dict(record.headers) for record in dead]
    assert {header["r2r-reason"] for header in headers} == {b"not_an_image"}
    assert {header["r2r-id"] for header in headers} == {b"m/7/dead-letter/0"}
    events = [Event.from_bytes(record.value) for record in read_topic(stream_settings, topics.events)]
    assert [event.id for event in events] == ["m/7/event/0"] * 2


def test_a_checkpoint_is_announced_with_its_place_and_content(stream_settings, tmp_path):
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    with BoundedProducer(stream_settings) as producer:
        Outbox(producer, topics).announce(SavedCheckpoint(tmp_path, 7, "ab" * 32), publish=True)
    (record,) = read_topic(stream_settings, topics.checkpoints)
    ready = CheckpointReady.from_bytes(record.value)
    assert ready == CheckpointReady("m/7/checkpoint/0", "m", 7, tmp_path.as_uri(), "ab" * 32, publish=True)
