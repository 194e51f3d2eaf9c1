from contextlib import closing

import pytest

from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.process.errors import BrokerUnavailable, InvalidMessage
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS


@pytest.fixture
def frames(stream_settings: StreamSettings) -> str:
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    return topics.frames


def test_what_is_flushed_is_in_the_log_in_order(stream_settings: StreamSettings, frames: str) -> None:
    with BoundedProducer(stream_settings) as producer:
        for number in range(200):
            producer.send(frames, b"camera", b"%d" % number, [("ce_id", b"%d" % number)])
        producer.flush(PATIENCE_SECONDS)
        assert producer.in_flight_bytes == 0
        records = read_topic(stream_settings, frames)
    assert [int(record.value or b"") for record in records] == list(range(200))
    assert {record.partition for record in records} == {records[0].partition}, "one key, one partition"
    assert list(records[7].headers) == [("ce_id", b"7")]


def test_bytes_in_flight_stay_bounded_while_ten_times_as_much_is_sent(
    stream_settings: StreamSettings, frames: str
) -> None:
    settings = stream_settings.model_copy(update={"in_flight_bytes": 50_000})
    highest = 0
    with BoundedProducer(settings) as producer:
        for _ in range(100):
            producer.send(frames, b"camera", b"x" * 5000)
            highest = max(highest, producer.in_flight_bytes)
    assert 5000 < highest <= 50_000
    assert len(read_topic(stream_settings, frames)) == 100


def test_one_record_larger_than_the_bound_is_sent_alone(stream_settings: StreamSettings, frames: str) -> None:
    settings = stream_settings.model_copy(update={"in_flight_bytes": 1000})
    with BoundedProducer(settings) as producer:
        producer.send(frames, b"camera", b"x" * 5000)
        producer.send(frames, b"camera", b"y" * 5000)
    assert len(read_topic(stream_settings, frames)) == 2


def test_the_largest_allowed_image_passes(stream_settings: StreamSettings, frames: str) -> None:
    with BoundedProducer(stream_settings) as producer:
        producer.send(frames, b"camera", b"x" * stream_settings.max_image_bytes)
    (record,) = read_topic(stream_settings, frames)
    assert len(record.value or b"") == stream_settings.max_image_bytes


def test_a_record_that_kafka_would_refuse_is_refused_and_the_producer_goes_on(
    stream_settings: StreamSettings, frames: str
) -> None:
    with BoundedProducer(stream_settings) as producer:
        with pytest.raises(InvalidMessage, match="shrink it or raise the limit") as refused:
            producer.send(frames, b"camera", b"x" * 2_000_000)
        assert refused.value.reason == "too_large"
        producer.send(frames, b"camera", b"small")
        producer.flush(PATIENCE_SECONDS)
    assert len(read_topic(stream_settings, frames)) == 1


def test_a_topic_that_does_not_exist_is_an_error_and_not_silence(stream_settings: StreamSettings) -> None:
    settings = stream_settings.model_copy(update={"broker_timeout_seconds": 0.5})
    with closing(BoundedProducer(settings)) as producer:
        with pytest.raises(BrokerUnavailable):
            producer.send("nobody.made.this", b"k", b"v")
        with pytest.raises(BrokerUnavailable, match="was not acknowledged"):
            producer.flush(1.0)


def test_a_broker_that_is_away_is_one_sentence(absent_broker: StreamSettings) -> None:
    with pytest.raises(BrokerUnavailable, match=r"nothing listens there.*r2r broker"):
        BoundedProducer(absent_broker)


def test_closing_twice_is_harmless(stream_settings: StreamSettings) -> None:
    producer = BoundedProducer(stream_settings)
    producer.close()
    producer.close()
