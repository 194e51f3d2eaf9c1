"""What is Kafka's own: transactions and their markers, groups, lag, control topics, a broker that is away."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka import KafkaProducer

from stream.kafka.admin import create_topics
from stream.kafka.client import TopicPartition, open_admin, open_producer
from stream.kafka.consumer import PartitionConsumer, TopicTail, read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.kafka.transactions import TransactionalWriter
from stream.log import Record
from stream.messages.task_plan import OffsetRange
from stream.process.errors import BrokerUnavailable, TopicMissing
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS, wait_until


@pytest.fixture
def topics(stream_settings: StreamSettings) -> Topics:
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    return topics


@pytest.fixture
def writer(stream_settings: StreamSettings) -> Iterator[TransactionalWriter]:
    with closing(TransactionalWriter(stream_settings, f"learner/{stream_settings.topic_prefix}")) as writer:
        yield writer


def values(records: list[Record]) -> list[bytes | None]:
    return [record.value for record in records]


def test_a_control_topic_is_read_whole_though_transaction_markers_leave_gaps(
    stream_settings: StreamSettings, topics: Topics, writer: TransactionalWriter
) -> None:
    offsets = [writer.write(topics.tasks, b"id", b"plan %d" % number) for number in range(5)]
    assert offsets == [0, 2, 4, 6, 8]
    records = read_topic(stream_settings, topics.tasks)
    assert values(records) == [b"plan %d" % number for number in range(5)]
    assert [record.offset for record in records] == offsets


def test_reading_an_empty_topic_ends_at_once(stream_settings: StreamSettings, topics: Topics) -> None:
    assert read_topic(stream_settings, topics.tasks) == []


def test_an_aborted_transaction_is_never_seen(stream_settings: StreamSettings, topics: Topics) -> None:
    producer = open_producer(stream_settings, f"aborting/{stream_settings.topic_prefix}")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topics.tasks, b"aborted", b"id").get(timeout=PATIENCE_SECONDS)
    producer.abort_transaction()
    producer.begin_transaction()
    producer.send(topics.tasks, b"committed", b"id").get(timeout=PATIENCE_SECONDS)
    producer.commit_transaction()
    producer.close()
    assert values(read_topic(stream_settings, topics.tasks)) == [b"committed"]


def test_an_open_transaction_does_not_keep_the_view_incomplete(stream_settings: StreamSettings, topics: Topics) -> None:
    producer = open_producer(stream_settings, f"open/{stream_settings.topic_prefix}")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topics.frames, b"not committed", b"id", partition=1).get(timeout=PATIENCE_SECONDS)
    with BoundedProducer(stream_settings) as plain, closing(PartitionConsumer(stream_settings, topics.frames)) as log:
        plain.send(topics.frames, b"id", b"plain", partition=0)
        plain.flush(PATIENCE_SECONDS)

        def complete() -> bool:
            log.poll(0.05)
            return log.waiting().complete and bool(log.waiting().records[0])

        wait_until(complete)
        assert not log.waiting().records[1]
        producer.commit_transaction()
        wait_until(lambda: log.poll(0.05) or log.waiting().records[1])
    producer.close()


def test_a_tail_brings_old_and_then_new_records_once(
    stream_settings: StreamSettings, topics: Topics, writer: TransactionalWriter
) -> None:
    writer.write(topics.events, b"id", b"old")
    with closing(TopicTail(stream_settings, topics.events)) as tail:
        assert values(tail.next_records(5.0)) == [b"old"]
        assert tail.next_records(0.01) == []
        writer.write(topics.events, b"id", b"new")
        assert values(tail.next_records(5.0)) == [b"new"]


def test_committed_positions_are_there_for_lag_tools(stream_settings: StreamSettings, topics: Topics) -> None:
    group = f"r2r-{stream_settings.topic_prefix}"
    with closing(PartitionConsumer(stream_settings, topics.frames)) as log:
        assert log.commit({0: 0, 2: 0}, group)
    admin = open_admin(stream_settings)
    committed = admin.list_group_offsets([group])[group]
    admin.close()
    assert {tp: committed[tp].offset for tp in committed} == {
        TopicPartition(topics.frames, 0): 0,
        TopicPartition(topics.frames, 2): 0,
    }


def test_lag_counts_what_is_not_taken(stream_settings: StreamSettings, topics: Topics) -> None:
    with BoundedProducer(stream_settings) as producer:
        for number in range(10):
            producer.send(topics.frames, b"id", b"%d" % number, partition=1)
    with closing(PartitionConsumer(stream_settings, topics.frames)) as log:
        assert log.lag_records() == {0: 0, 1: 10, 2: 0}
        log.take({1: OffsetRange(0, 4)})
        assert log.lag_records() == {0: 0, 1: 6, 2: 0}


def test_partitions_that_were_full_again_and_again_are_read_to_their_ends(
    stream_settings: StreamSettings, topics: Topics
) -> None:
    """A client that parks the rest of a fetch while its partition is paused must give it back."""
    count = 1_300
    with BoundedProducer(stream_settings) as producer:
        for number in range(3 * count):
            producer.send(topics.frames, b"id", b"x", partition=number % 3)
    small = stream_settings.model_copy(update={"buffer_bytes": 200_000})
    with closing(PartitionConsumer(small, topics.frames)) as log:
        taken: list[int] = []

        def all_came() -> bool:
            for _ in range(3):
                log.poll(0.05)
            came = {p: records for p, records in log.waiting().records.items() if records}
            ranges = {p: OffsetRange(records[0].offset, records[-1].offset + 1) for p, records in came.items()}
            taken.append(len(log.take(ranges)))
            return sum(taken) == 3 * count

        wait_until(all_came)


def test_the_consumer_knows_which_log_it_reads(stream_settings: StreamSettings, topics: Topics) -> None:
    with closing(PartitionConsumer(stream_settings, topics.frames)) as log:
        assert log.partitions == (0, 1, 2)
        assert log.cluster_id
        with closing(PartitionConsumer(stream_settings, topics.truth)) as other:
            assert other.cluster_id == log.cluster_id
            assert other.topic_id != log.topic_id


def test_a_missing_topic_is_named_with_the_remedy(stream_settings: StreamSettings) -> None:
    with pytest.raises(TopicMissing, match="r2r topics create"):
        PartitionConsumer(stream_settings, "nobody.made.this")


def test_a_broker_that_is_away_is_one_sentence(absent_broker: StreamSettings) -> None:
    with pytest.raises(BrokerUnavailable, match=f"{absent_broker.bootstrap_servers}.*r2r broker"):
        PartitionConsumer(absent_broker, "r2r.frames")
    with pytest.raises(BrokerUnavailable):
        read_topic(absent_broker, "r2r.m.tasks")


def test_closing_twice_is_harmless(stream_settings: StreamSettings, topics: Topics) -> None:
    log = PartitionConsumer(stream_settings, topics.frames)
    log.close()
    log.close()


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_what_any_producer_compressed_is_read(stream_settings, codec):
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    with KafkaProducer(bootstrap_servers=stream_settings.bootstrap_servers, compression_type=codec) as producer:
        producer.send(topics.frames, b"image" * 100).get(timeout=PATIENCE_SECONDS)
    assert [record.value for record in read_topic(stream_settings, topics.frames)] == [b"image" * 100]
