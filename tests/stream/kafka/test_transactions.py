from contextlib import closing

import pytest

from stream.kafka.admin import create_topics
from stream.kafka.client import KafkaError, is_fenced, open_producer
from stream.kafka.consumer import read_topic
from stream.kafka.topics import Topics
from stream.kafka.transactions import TransactionalWriter
from stream.process.errors import BrokerUnavailable, LearnerFenced
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS


@pytest.fixture
def tasks(stream_settings: StreamSettings) -> str:
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    return topics.tasks


def test_a_record_is_seen_by_readers_when_write_returns(stream_settings: StreamSettings, tasks: str) -> None:
    with closing(TransactionalWriter(stream_settings, "learner/seen")) as writer:
        for number in range(3):
            offset = writer.write(tasks, b"id", b"%d" % number)
            assert read_topic(stream_settings, tasks)[-1].offset == offset


def test_the_older_of_two_writers_is_fenced_and_writes_nothing(stream_settings: StreamSettings, tasks: str) -> None:
    with (
        closing(TransactionalWriter(stream_settings, "learner/digits")) as older,
        closing(TransactionalWriter(stream_settings, "learner/digits")) as newer,
    ):
        with pytest.raises(LearnerFenced, match="another learner of model digits has taken over; this one stops"):
            older.write(tasks, b"id", b"from the older")
        newer.write(tasks, b"id", b"from the newer")
        with pytest.raises(BrokerUnavailable, match="open a new writer"):
            older.write(tasks, b"id", b"again from the older")
    assert [record.value for record in read_topic(stream_settings, tasks)] == [b"from the newer"]


def test_a_writer_that_has_written_is_fenced_too(stream_settings: StreamSettings, tasks: str) -> None:
    with closing(TransactionalWriter(stream_settings, "learner/again")) as older:
        older.write(tasks, b"id", b"1")
        with closing(TransactionalWriter(stream_settings, "learner/again")) as newer:
            newer.write(tasks, b"id", b"2")
            with pytest.raises(LearnerFenced):
                older.write(tasks, b"id", b"3")
    assert [record.value for record in read_topic(stream_settings, tasks)] == [b"1", b"2"]


def test_a_fence_that_is_met_before_the_commit_is_known_as_one(stream_settings: StreamSettings, tasks: str) -> None:
    with closing(open_producer(stream_settings, "learner/early")) as older:
        older.init_transactions()
        older.begin_transaction()
        with closing(TransactionalWriter(stream_settings, "learner/early")):
            with pytest.raises(KafkaError):
                older.send(tasks, b"from the older").get(timeout=PATIENCE_SECONDS)
            with pytest.raises(KafkaError) as caught:
                older.commit_transaction()
    assert is_fenced(caught.value)


def test_writers_of_different_models_do_not_fence_each_other(stream_settings: StreamSettings, tasks: str) -> None:
    with (
        closing(TransactionalWriter(stream_settings, "learner/one")) as one,
        closing(TransactionalWriter(stream_settings, "learner/two")) as two,
    ):
        one.write(tasks, b"id", b"1")
        two.write(tasks, b"id", b"2")
        one.write(tasks, b"id", b"3")
    assert [record.value for record in read_topic(stream_settings, tasks)] == [b"1", b"2", b"3"]


def test_a_broker_that_is_away_is_one_sentence(absent_broker: StreamSettings) -> None:
    with pytest.raises(BrokerUnavailable, match="r2r broker"):
        TransactionalWriter(absent_broker, "learner/digits")
