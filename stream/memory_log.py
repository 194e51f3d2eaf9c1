"""A log of frames inside the process: the same contract as Kafka's, for benchmarks and tests."""

from collections.abc import Mapping

from stream.frame import Headers
from stream.frame_buffer import FrameBuffer
from stream.log import Record, Waiting
from stream.messages.task_plan import Ranges
from stream.process.errors import PositionLost


class MemoryLog:
    """A `stream.log.FrameLog` over lists. Everything appended stays in memory: it is the log, not the buffer.

    Examples
    --------
    >>> log = MemoryLog(partitions=1)
    >>> log.append(0, b"camera", b"jpeg")
    0
    >>> log.poll(0.0)
    >>> [record.value for record in log.waiting().records[0]]
    [b'jpeg']
    """

    def __init__(self, partitions: int, buffer_bytes: int = 64 * 1024**2) -> None:
        self._log: list[list[Record]] = [[] for _ in range(partitions)]
        self._begin = [0] * partitions
        self._buffer = FrameBuffer(range(partitions), buffer_bytes)

    @property
    def partitions(self) -> tuple[int, ...]:
        """All partitions."""
        return tuple(range(len(self._log)))

    def append(
        self, partition: int, key: bytes | None, value: bytes | None, headers: Headers = (), timestamp_ms: int = 0
    ) -> int:
        """Write one record at the end of a partition and return its offset."""
        offset = self._begin[partition] + len(self._log[partition])
        self._log[partition].append(Record(partition, offset, timestamp_ms, key, value, tuple(headers)))
        return offset

    def expire(self, partition: int, before: int) -> None:
        """Forget the records of ``partition`` before the offset ``before``, as retention does."""
        del self._log[partition][: before - self._begin[partition]]
        self._begin[partition] = before

    def end_offsets(self) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        return {partition: begin + len(self._log[partition]) for partition, begin in enumerate(self._begin)}

    def lag_records(self) -> dict[int, int]:
        """Count the records that are not taken, by partition."""
        return {partition: end - self._buffer.position(partition) for partition, end in self.end_offsets().items()}

    def seek(self, positions: Mapping[int, int]) -> None:
        """See `stream.log.FrameLog.seek`."""
        begins = dict(enumerate(self._begin))
        for partition, position in positions.items():
            if partition not in begins:
                message = f"the log has {len(begins)} partitions, but a position for {partition} came; name a new model"
                raise PositionLost(message)
            self._check(partition, position, position)
        self._buffer.reset(begins | dict(positions))

    def poll(self, timeout_seconds: float) -> None:  # noqa: ARG002  nothing to wait for in the same process
        """See `stream.log.FrameLog.poll`."""
        for partition, records in enumerate(self._log):
            at = self._buffer.polled(partition)
            if at < self._begin[partition]:
                self._check(partition, at, at)
            for record in records[at - self._begin[partition] :]:
                if partition in self._buffer.full:
                    break
                self._buffer.add(partition, [record], record.offset + 1)

    def waiting(self) -> Waiting:
        """See `stream.log.FrameLog.waiting`."""
        behind = {partition: end - self._buffer.polled(partition) for partition, end in self.end_offsets().items()}
        unread = {partition: offsets for partition, offsets in behind.items() if offsets > 0}
        return Waiting(self._buffer.waiting(), frozenset(unread), sum(unread.values()))

    def take(self, ranges: Ranges) -> list[Record]:
        """See `stream.log.FrameLog.take`."""
        taken: list[Record] = []
        for partition, (start, stop) in sorted(ranges.items()):
            if start >= stop:
                continue
            self._check(partition, start, stop)
            position = self._buffer.position(partition)
            if start > position:
                message = f"offset {position} of partition {partition} is not taken; take it before {start}"
                raise ValueError(message)
            begin = self._begin[partition]
            if stop > self._buffer.polled(partition):
                at = self._buffer.polled(partition)
                self._buffer.add(partition, self._log[partition][at - begin : stop - begin], stop)
            if stop > position:
                self._buffer.take(partition, position, stop)
            taken += self._log[partition][start - begin : stop - begin]
        return taken

    def _check(self, partition: int, start: int, stop: int) -> None:
        begin = self._begin[partition]
        end = begin + len(self._log[partition])
        if start < begin or stop > end:
            message = (
                f"offsets {start} to {stop} of partition {partition} came, but the log holds {begin} to {end}; "
                "raise the retention, or name a new model"
            )
            raise PositionLost(message)
