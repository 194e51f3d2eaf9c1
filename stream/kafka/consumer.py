"""Kafka as a `stream.log.FrameLog`: assigned partitions, sought positions, a bounded buffer; no consumer group."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing

from stream.frame_buffer import FrameBuffer
from stream.kafka import client as kafka_client
from stream.kafka.admin import describe_topic
from stream.kafka.client import KafkaError, TopicPartition, to_record
from stream.kafka.group_offsets import GroupOffsets
from stream.log import Record, Waiting
from stream.messages.task_plan import OffsetRange, Ranges
from stream.process.deadline import Deadline
from stream.process.errors import LogUnreadable, PositionLost
from stream.process.settings import StreamSettings

_LARGEST_FETCH_BYTES = 1024**2
_SMALLEST_FETCH_BYTES = 16 * 1024
_SLICE_SECONDS = 0.5
_LOOK_EVERY_SECONDS = 1.0
_LOOK_MS = 300  # a request may wait behind a fetch of 100 ms on the same connection
_log = logging.getLogger(__name__)


class PartitionConsumer:
    """All partitions of one topic, read by position. See `stream.log.FrameLog` for what blocks and what is ordered.

    Memory: ``settings.buffer_bytes``, and for each partition at most two fetches (1 MiB each by default) that the
    client has read ahead.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer within ``settings.broker_timeout_seconds``.
    TopicMissing
        The topic does not exist.
    """

    def __init__(self, settings: StreamSettings, topic: str) -> None:
        self._settings = settings
        self.topic = topic
        description = describe_topic(settings, topic)
        self.cluster_id, self.topic_id = description.cluster_id, description.topic_id
        self.partitions = tuple(range(description.partitions))
        self._buffer = FrameBuffer(self.partitions, settings.buffer_bytes)
        share = settings.buffer_bytes // max(1, len(self.partitions))
        fetch_bytes = min(_LARGEST_FETCH_BYTES, max(_SMALLEST_FETCH_BYTES, share // 4))
        self._consumer = kafka_client.open_consumer(settings, fetch_bytes)
        self._consumer.assign([self._tp(partition) for partition in self.partitions])
        self._group_offsets = GroupOffsets(settings, topic)
        self._ends: dict[int, int] = {}
        self._highwaters: dict[int, int] = {}
        self._next_look = Deadline(0.0)
        try:
            self.seek({})
        except BaseException:
            self.close()
            raise

    def seek(self, positions: Mapping[int, int]) -> None:
        """See `stream.log.FrameLog.seek`."""
        begins, ends = self.begin_offsets(), self.end_offsets()
        for partition, position in positions.items():
            self._check(partition, OffsetRange(position, position), begins, ends)
        full = begins | dict(positions)
        for partition in self.partitions:
            self._consumer.seek(self._tp(partition), full[partition])
        self._buffer.reset(full)
        self._ends = ends
        self._pause(self._buffer.full)

    def poll(self, timeout_seconds: float) -> None:
        """See `stream.log.FrameLog.poll`."""
        self._pause(self._buffer.full)
        if not self._fetch(timeout_seconds):
            self._look_for_the_end()

    def waiting(self) -> Waiting:
        """See `stream.log.FrameLog.waiting`."""
        behind = {partition: end - self._buffer.polled(partition) for partition, end in self._ends.items()}
        unread = {partition: offsets for partition, offsets in behind.items() if offsets > 0}
        return Waiting(self._buffer.waiting(), frozenset(unread), sum(unread.values()))

    def take(self, ranges: Ranges) -> list[Record]:
        """See `stream.log.FrameLog.take`."""
        deadline = Deadline(self._settings.broker_timeout_seconds)
        taken: list[Record] = []
        for partition, wanted in sorted(ranges.items()):
            if wanted.start >= wanted.stop:
                continue
            at = self._buffer.position(partition) if partition in self.partitions else wanted.start
            if partition not in self.partitions or wanted.start < at or wanted.stop > self._buffer.polled(partition):
                self._check(partition, wanted, self.begin_offsets(), self.end_offsets())
            if wanted.start < at:
                taken += self._read_again(partition, OffsetRange(wanted.start, min(wanted.stop, at)), deadline)
            if wanted.stop > at:
                self._fill(partition, wanted.stop, deadline)
                taken += self._buffer.take(partition, max(wanted.start, at), wanted.stop)
        return taken

    def begin_offsets(self) -> dict[int, int]:
        """Ask for the first offset that the log still holds, by partition."""
        return self._offsets(self._consumer.beginning_offsets)

    def end_offsets(self) -> dict[int, int]:
        """Ask for the offset after the last committed record, by partition."""
        return self._offsets(self._consumer.end_offsets)

    def lag_records(self) -> dict[int, int]:
        """Count the offsets that are not taken, by partition, as of the last fetch; asks nobody."""
        return {p: max(0, self._ends[p] - self._buffer.position(p)) for p in self.partitions}

    @property
    def buffered_bytes(self) -> int:
        """Bytes that are polled and not taken."""
        return self._buffer.size_bytes

    def commit(self, positions: Mapping[int, int], group: str) -> bool:
        """Tell lag tools how far ``group`` is; see `stream.kafka.group_offsets.GroupOffsets.commit`."""
        return self._group_offsets.commit(positions, group)

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._consumer.close()
        self._group_offsets.close()

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)

    def _offsets(self, ask: Callable[[list[TopicPartition], float], dict[TopicPartition, int]]) -> dict[int, int]:
        with kafka_client.broker_errors(self._settings):
            found = ask([self._tp(p) for p in self.partitions], self._settings.broker_timeout_seconds * 1000)
        return {tp.partition: offset for tp, offset in found.items()}

    def _pause(self, paused: Iterable[int]) -> None:
        wanted, now = set(paused), {tp.partition for tp in self._consumer.paused()}
        self._consumer.pause(*(self._tp(p) for p in wanted - now))
        self._consumer.resume(*(self._tp(p) for p in now - wanted))

    def _fetch(self, timeout_seconds: float) -> bool:
        """Move what comes into the buffer; return whether a record came."""
        found = self._poll_records(timeout_seconds)
        for partition in self.partitions:
            self._buffer.add(partition, found.get(partition, ()), self._next_offset(partition))
        self._see_ends()
        return bool(found)

    def _poll_records(self, timeout_seconds: float) -> dict[int, Sequence[Record]]:
        kafka_client.give_back_parked(self._consumer)
        try:
            found = self._consumer.poll(timeout_ms=timeout_seconds * 1000)
        except KafkaError as error:
            if kafka_client.is_position_lost(error):
                message = f"a position in {self.topic} is no longer in its log ({error}); raise the retention"
                raise PositionLost(message) from error
            if kafka_client.is_unreadable(error):
                message = (
                    f"a record of {self.topic} cannot be read ({error}); positions are {self._positions()}: "
                    "delete that record, or let its producer use gzip, lz4, snappy, zstd or nothing"
                )
                raise LogUnreadable(message) from error
            _log.warning("poll of %s: %s", self.topic, error)
            return {}
        return {tp.partition: [to_record(record) for record in records] for tp, records in found.items()}

    def _positions(self) -> dict[int, int]:
        return {partition: self._buffer.polled(partition) for partition in self.partitions}

    def _next_offset(self, partition: int) -> int:
        offset = self._consumer.position(self._tp(partition), timeout_ms=0)
        return self._buffer.polled(partition) if offset is None else offset

    def _fill(self, partition: int, stop: int, deadline: Deadline) -> None:
        """Buffer ``partition`` up to ``stop``, whatever its share: the range was planned, so it is bounded."""
        if self._buffer.polled(partition) >= stop:
            return
        self._pause(set(self.partitions) - {partition})
        try:
            while self._buffer.polled(partition) < stop:
                self._check_time(partition, stop, deadline)
                self._fetch(min(_SLICE_SECONDS, deadline.remaining_seconds))
        finally:
            self._pause(self._buffer.full)

    def _read_again(self, partition: int, wanted: OffsetRange, deadline: Deadline) -> list[Record]:
        """Read what was taken before, beside the buffer, and return to where polling stood."""
        self._pause(set(self.partitions) - {partition})
        self._consumer.seek(self._tp(partition), wanted.start)
        records: list[Record] = []
        try:
            while self._next_offset(partition) < wanted.stop:
                self._check_time(partition, wanted.stop, deadline)
                found = self._poll_records(min(_SLICE_SECONDS, deadline.remaining_seconds))
                records += found.get(partition, ())
        finally:
            self._consumer.seek(self._tp(partition), self._buffer.polled(partition))
            self._pause(self._buffer.full)
        return [record for record in records if record.offset < wanted.stop]

    def _see_ends(self) -> None:
        """Learn from the last fetch how far each partition reaches."""
        for partition in self.partitions:
            high = self._consumer.highwater(self._tp(partition))
            if high is not None and high != self._highwaters.get(partition):
                self._highwaters[partition] = self._ends[partition] = high

    def _look_for_the_end(self) -> None:
        """Ask where committed records end, at most once a second and for a moment.

        Nothing came though the last fetch saw more: an open transaction stands there, and its records are not to be
        waited for. The other case, a record that is on its way, comes right after.
        """
        if not self.waiting().unread or not self._next_look.expired:
            return
        self._next_look = Deadline(_LOOK_EVERY_SECONDS)
        try:
            found = self._consumer.end_offsets([self._tp(p) for p in self.partitions], timeout_ms=_LOOK_MS)
        except KafkaError as error:
            _log.info("the ends of %s are not known yet: %s", self.topic, error)
            return
        self._ends = {tp.partition: offset for tp, offset in found.items()}

    def _check_time(self, partition: int, stop: int, deadline: Deadline) -> None:
        if deadline.expired:
            raise kafka_client.unavailable(self._settings, f"{self.topic}/{partition} did not come up to {stop}")

    def _check(self, partition: int, wanted: OffsetRange, begins: Mapping[int, int], ends: Mapping[int, int]) -> None:
        where = f"{self.topic}/{partition}"
        if partition not in begins:
            message = (
                f"the position names {where}, but the topic has {len(begins)} partitions; name a new model with --model"
            )
            raise PositionLost(message)
        if wanted.start < begins[partition]:
            message = (
                f"offset {wanted.start} of {where} has expired, the log begins at {begins[partition]}; "
                "raise stream.frames_retention_bytes, or name a new model with --model, which starts from what is left"
            )
            raise PositionLost(message)
        if wanted.stop > ends[partition]:
            message = (
                f"offset {wanted.stop} of {where} is past the log's end {ends[partition]}: the topic was made anew; "
                "give its name back its log, or name a new model with --model"
            )
            raise PositionLost(message)


def read_topic(settings: StreamSettings, topic: str, first_offset: int = 0) -> list[Record]:
    """Read a small topic to its present end, committed records only, by (partition, offset).

    Parameters
    ----------
    first_offset
        Where to begin in each partition; what has expired is passed over.

    Raises
    ------
    BrokerUnavailable
        Kafka did not deliver all of it within ``settings.broker_timeout_seconds``.
    TopicMissing
        The topic does not exist.
    """
    with closing(PartitionConsumer(settings, topic)) as log:
        begins, ends = log.begin_offsets(), log.end_offsets()
        starts = {partition: min(max(begins[partition], first_offset), ends[partition]) for partition in log.partitions}
        log.seek(starts)
        return log.take({partition: OffsetRange(starts[partition], ends[partition]) for partition in log.partitions})


class TopicTail:
    """A topic from its beginning on, for roles that follow it and keep no position.

    Raises
    ------
    BrokerUnavailable, TopicMissing
        As `PartitionConsumer`.
    """

    def __init__(self, settings: StreamSettings, topic: str) -> None:
        self._consumer = PartitionConsumer(settings, topic)

    def next_records(self, timeout_seconds: float) -> list[Record]:
        """Return what came next, waiting at most ``timeout_seconds``; empty where nothing came."""
        self._consumer.poll(timeout_seconds)
        came = {p: records for p, records in self._consumer.waiting().records.items() if records}
        return self._consumer.take({p: OffsetRange(r[0].offset, r[-1].offset + 1) for p, r in came.items()})

    @property
    def caught_up(self) -> bool:
        """Whether all that the topic held at the last poll was handed out."""
        return not any(self._consumer.lag_records().values())

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._consumer.close()
