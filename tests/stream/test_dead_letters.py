from stream.dead_letters import DeadLetters
from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.log import Record
from stream.process.errors import InvalidImage
from stream.process.settings import StreamSettings

ERROR = InvalidImage("the body is text, send a JPEG", reason="not_an_image")


def written(settings: StreamSettings, record: Record) -> Record:
    topics = Topics("m", settings.topic_prefix)
    create_topics(settings, topics)
    with BoundedProducer(settings) as producer:
        DeadLetters(producer, topics.frames_dlq).send(record, ERROR, "m/7/dead-letter/0")
    (letter,) = read_topic(settings, topics.frames_dlq)
    return letter


def test_a_refused_record_keeps_its_content_and_gains_the_reason(stream_settings: StreamSettings) -> None:
    letter = written(stream_settings, Record(2, 41, 0, b"camera", b"hello", [("ce_id", b"17")]))
    assert (letter.key, letter.value) == (b"camera", b"hello")
    assert dict(letter.headers) == {
        "ce_id": b"17",
        "__connect.errors.topic": f"{stream_settings.topic_prefix}.frames".encode(),
        "__connect.errors.partition": b"2",
        "__connect.errors.offset": b"41",
        "__connect.errors.stage": b"VALUE_CONVERTER",
        "__connect.errors.exception.class.name": b"stream.process.errors.InvalidImage",
        "__connect.errors.exception.message": b"the body is text, send a JPEG",
        "r2r-reason": b"not_an_image",
        "r2r-id": b"m/7/dead-letter/0",
    }


def test_a_record_without_key_and_body_is_a_dead_letter_too(stream_settings: StreamSettings) -> None:
    letter = written(stream_settings, Record(0, 0, 0, None, None, []))
    assert letter.value is None
    assert dict(letter.headers)["r2r-reason"] == b"not_an_image"


def test_a_body_that_kafka_does_not_take_is_told_by_its_size(stream_settings: StreamSettings) -> None:
    letter = written(stream_settings, Record(0, 5, 0, b"camera", b"x" * 1_200_000, []))
    assert letter.value is None
    assert dict(letter.headers)["r2r-omitted-bytes"] == b"1200000"


def test_a_key_that_alone_fills_a_record_is_left_out_too(stream_settings: StreamSettings) -> None:
    letter = written(stream_settings, Record(0, 5, 0, b"k" * 1_130_900, b"", []))
    assert (letter.key, letter.value) == (b"", None)
    assert int(dict(letter.headers)["r2r-omitted-bytes"]) > 1_130_900
    assert dict(letter.headers)["r2r-reason"] == b"not_an_image"


def test_a_header_without_a_value_does_not_stop_the_dead_letter(stream_settings: StreamSettings) -> None:
    record = Record(0, 5, 0, b"camera", b"hello", [("trace", None)])  # type: ignore[list-item]
    assert dict(written(stream_settings, record).headers)["trace"] == b""
