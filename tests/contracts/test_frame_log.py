"""What every `stream.log.FrameLog` keeps, on the log in memory and on a real Kafka."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from stream.kafka.admin import create_topics
from stream.kafka.client import TopicPartition, open_admin
from stream.kafka.consumer import PartitionConsumer
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.log import FrameLog, Record
from stream.memory_log import MemoryLog
from stream.messages.task_plan import OffsetRange
from stream.process.errors import PositionLost
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS, wait_until

PARTITIONS = 3
RECORD_BYTES = 10_000


@dataclass
class Bench:
    """A log under test: how to write to it, expire a part of it, and open it with a buffer of some bytes."""

    append: Callable[[int, bytes], None]
    settled: Callable[[], None]
    expire: Callable[[int, int], None]
    open: Callable[[int], FrameLog]
    overshoot_bytes: int


@pytest.fixture(params=["memory", "kafka"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with ExitStack() as cleanup:
        if request.param == "memory":
            yield _memory_bench()
        else:
            yield _kafka_bench(request.getfixturevalue("stream_settings"), cleanup)


def _memory_bench() -> Bench:
    written: list[tuple[int, bytes]] = []
    expired: dict[int, int] = {}
    logs: list[MemoryLog] = []

    def append(partition: int, value: bytes) -> None:
        written.append((partition, value))
        for log in logs:
            log.append(partition, b"key", value, [("name", b"content")])

    def expire(partition: int, before: int) -> None:
        expired[partition] = before
        for log in logs:
            log.expire(partition, before)

    def open_log(buffer_bytes: int) -> MemoryLog:
        log = MemoryLog(PARTITIONS, buffer_bytes)
        for partition, value in written:
            log.append(partition, b"key", value, [("name", b"content")])
        for partition, before in expired.items():
            log.expire(partition, before)
        log.seek({})
        logs.append(log)
        return log

    return Bench(append, lambda: None, expire, open_log, overshoot_bytes=PARTITIONS * (RECORD_BYTES + 1000))


def _kafka_bench(settings: StreamSettings, cleanup: ExitStack) -> Bench:
    create_topics(settings, Topics("m", settings.topic_prefix))
    topic = Topics("m", settings.topic_prefix).frames
    producer = cleanup.enter_context(BoundedProducer(settings))

    def append(partition: int, value: bytes) -> None:
        producer.send(topic, b"key", value, [("name", b"content")], partition)

    def expire(partition: int, before: int) -> None:
        producer.flush(PATIENCE_SECONDS)
        admin = open_admin(settings)
        admin.delete_records({TopicPartition(topic, partition): before})
        admin.close()

    def open_log(buffer_bytes: int) -> PartitionConsumer:
        producer.flush(PATIENCE_SECONDS)
        log = PartitionConsumer(settings.model_copy(update={"buffer_bytes": buffer_bytes}), topic)
        cleanup.callback(log.close)
        return log

    def settled() -> None:
        producer.flush(PATIENCE_SECONDS)

    # One fetch of at most half a share, and one producer's batch of 256 KB that Kafka never cuts.
    return Bench(append, settled, expire, open_log, overshoot_bytes=PARTITIONS * 256 * 1024)


def fill(bench: Bench, records: int, size: int = 10) -> None:
    for number in range(records):
        for partition in range(PARTITIONS):
            bench.append(partition, b"%d/%d " % (partition, number) + b"x" * size)
    bench.settled()


def poll_until(log: FrameLog, predicate: Callable[[Mapping[int, int]], bool]) -> None:
    def polled() -> bool:
        log.poll(0.05)
        return predicate({partition: len(records) for partition, records in log.waiting().records.items()})

    wait_until(polled)


def everything(records: int) -> Callable[[Mapping[int, int]], bool]:
    return lambda counts: all(count == records for count in counts.values())


def names(records: list[Record]) -> list[str]:
    return [(record.value or b"").split()[0].decode() for record in records]


def test_records_wait_in_offset_order_until_they_are_taken(bench: Bench) -> None:
    fill(bench, 5)
    log = bench.open(10**6)
    poll_until(log, everything(5))
    waiting = log.waiting()
    assert waiting.complete
    assert [record.offset for record in waiting.records[1]] == [0, 1, 2, 3, 4]
    taken = log.take({2: OffsetRange(0, 2), 0: OffsetRange(0, 3)})
    assert names(taken) == ["0/0", "0/1", "0/2", "2/0", "2/1"]
    assert {p: [r.offset for r in records] for p, records in log.waiting().records.items()} == {
        0: [3, 4],
        1: [0, 1, 2, 3, 4],
        2: [2, 3, 4],
    }


def test_a_record_carries_key_headers_and_value_unchanged(bench: Bench) -> None:
    bench.append(1, b"\x00\xff image")
    bench.settled()
    log = bench.open(10**6)
    (record,) = log.take({1: OffsetRange(0, 1)})
    assert (record.partition, record.offset, record.key, record.value) == (1, 0, b"key", b"\x00\xff image")
    assert list(record.headers) == [("name", b"content")]


def test_an_empty_log_is_complete_with_an_entry_for_each_partition(bench: Bench) -> None:
    log = bench.open(10**6)
    log.poll(0.01)
    assert log.waiting().complete
    assert {partition: list(records) for partition, records in log.waiting().records.items()} == {0: [], 1: [], 2: []}


def test_the_view_is_incomplete_while_a_partition_has_more_and_shows_nothing(bench: Bench) -> None:
    fill(bench, 3)
    log = bench.open(10**6)
    assert not log.waiting().complete
    poll_until(log, everything(3))
    assert log.waiting().complete


def test_what_is_written_while_reading_comes_with_a_later_poll(bench: Bench) -> None:
    fill(bench, 1)
    log = bench.open(10**6)
    poll_until(log, everything(1))
    log.take({partition: OffsetRange(0, 1) for partition in range(PARTITIONS)})
    bench.append(2, b"late")
    bench.settled()
    poll_until(log, lambda counts: counts == {0: 0, 1: 0, 2: 1})


def test_the_buffer_stays_bounded_when_ten_times_as_much_is_in_the_log(bench: Bench) -> None:
    buffer_bytes = 300_000
    fill(bench, 10 * buffer_bytes // PARTITIONS // RECORD_BYTES, RECORD_BYTES)
    log = bench.open(buffer_bytes)
    for _ in range(30):
        log.poll(0.02)
        waiting = log.waiting()
        held = sum(record.size_bytes for records in waiting.records.values() for record in records)
        assert held <= buffer_bytes + bench.overshoot_bytes
    assert all(waiting.records.values())
    assert waiting.complete


def test_a_full_partition_does_not_keep_another_one_waiting(bench: Bench) -> None:
    for number in range(100):
        bench.append(0, b"%d " % number + b"x" * RECORD_BYTES)
    bench.settled()
    log = bench.open(100_000)
    poll_until(log, lambda counts: counts[0] >= 2)
    bench.append(1, b"small")
    bench.settled()
    poll_until(log, lambda counts: counts[1] == 1)


def test_a_record_larger_than_the_buffer_is_delivered(bench: Bench) -> None:
    fill(bench, 2, 5000)
    log = bench.open(1000)
    poll_until(log, lambda counts: all(counts.values()))
    log.take({partition: OffsetRange(0, 1) for partition in range(PARTITIONS)})
    poll_until(log, lambda counts: all(counts.values()))


def test_a_bounded_buffer_delivers_everything_in_the_end(bench: Bench) -> None:
    fill(bench, 60, RECORD_BYTES)
    log = bench.open(100_000)
    seen: list[tuple[int, int]] = []

    def all_came() -> bool:
        log.poll(0.05)
        heads = {p: OffsetRange(r[0].offset, r[-1].offset + 1) for p, r in log.waiting().records.items() if r}
        seen.extend((record.partition, record.offset) for record in log.take(heads))
        return len(seen) >= 60 * PARTITIONS

    wait_until(all_came)
    for partition in range(PARTITIONS):
        assert [offset for place, offset in seen if place == partition] == list(range(60))


def test_seeking_drops_the_buffer_and_goes_on_from_the_positions(bench: Bench) -> None:
    fill(bench, 6)
    log = bench.open(10**6)
    poll_until(log, everything(6))
    log.seek({0: 4, 1: 6})
    assert not any(log.waiting().records.values())
    poll_until(log, lambda counts: counts == {0: 2, 1: 0, 2: 6})
    assert [record.offset for record in log.waiting().records[0]] == [4, 5]


def test_taking_what_was_not_polled_reads_it_and_moves_the_position(bench: Bench) -> None:
    fill(bench, 8)
    log = bench.open(10**6)
    log.seek({0: 2})
    assert names(log.take({0: OffsetRange(2, 5), 1: OffsetRange(0, 1)})) == ["0/2", "0/3", "0/4", "1/0"]
    poll_until(log, lambda counts: counts == {0: 3, 1: 7, 2: 8})
    assert log.waiting().records[0][0].offset == 5


def test_taking_again_reads_the_log_and_leaves_position_and_buffer_alone(bench: Bench) -> None:
    fill(bench, 8)
    log = bench.open(10**6)
    poll_until(log, everything(8))
    first = log.take({0: OffsetRange(0, 4), 1: OffsetRange(0, 4)})
    assert log.take({0: OffsetRange(0, 4), 1: OffsetRange(0, 4)}) == first
    assert names(log.take({0: OffsetRange(2, 6)})) == ["0/2", "0/3", "0/4", "0/5"]
    poll_until(log, lambda counts: counts == {0: 2, 1: 4, 2: 8})
    assert [record.offset for record in log.waiting().records[1]] == [4, 5, 6, 7]


def test_an_empty_range_takes_nothing(bench: Bench) -> None:
    fill(bench, 1)
    assert bench.open(10**6).take({0: OffsetRange(0, 0), 1: OffsetRange(7, 7)}) == []


def test_taking_ahead_is_refused_because_it_would_skip_records(bench: Bench) -> None:
    fill(bench, 5)
    log = bench.open(10**6)
    poll_until(log, everything(5))
    with pytest.raises(ValueError, match="offset 0 of partition 1 is not taken; take it before 2"):
        log.take({1: OffsetRange(2, 4)})


def test_a_position_that_expired_is_named_when_it_is_sought(bench: Bench) -> None:
    fill(bench, 10)
    bench.expire(1, 6)
    log = bench.open(10**6)
    with pytest.raises(PositionLost, match="retention"):
        log.seek({1: 3})
    log.seek({})
    poll_until(log, lambda counts: counts == {0: 10, 1: 4, 2: 10})


def test_a_position_past_the_end_or_of_no_partition_is_lost(bench: Bench) -> None:
    fill(bench, 2)
    log = bench.open(10**6)
    with pytest.raises(PositionLost):
        log.seek({0: 3})
    with pytest.raises(PositionLost, match="new model"):
        log.seek({7: 0})


def test_a_planned_range_that_expired_or_never_was_is_lost(bench: Bench) -> None:
    fill(bench, 10)
    log = bench.open(10**6)
    log.take({1: OffsetRange(0, 8)})
    bench.expire(1, 6)
    with pytest.raises(PositionLost):
        log.take({1: OffsetRange(4, 8)})
    with pytest.raises(PositionLost):
        log.take({1: OffsetRange(8, 11)})
    assert names(log.take({1: OffsetRange(6, 10)})) == ["1/6", "1/7", "1/8", "1/9"]
