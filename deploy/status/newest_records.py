"""A topic from near its end on: a bounded number of past records, then what comes."""

from collections.abc import Iterator
from contextlib import closing

from stream.kafka.client import unavailable
from stream.kafka.consumer import PartitionConsumer
from stream.log import Record
from stream.messages.task_plan import OffsetRange
from stream.process.deadline import Deadline
from stream.process.settings import StreamSettings

_POLL_SECONDS = 0.5
_BUFFER_BYTES = 16 * 1024**2


class NewestRecords:
    """The newest ``newest`` offsets of each partition, and what is written after them; to be closed.

    Raises
    ------
    BrokerUnavailable, TopicMissing
        As `stream.kafka.consumer.PartitionConsumer`.
    """

    def __init__(self, settings: StreamSettings, topic: str, newest: int) -> None:
        bounded = settings.model_copy(update={"buffer_bytes": min(_BUFFER_BYTES, settings.buffer_bytes)})
        self._consumer = PartitionConsumer(bounded, topic)
        try:
            begins, ends = self._consumer.begin_offsets(), self._consumer.end_offsets()
            starts = {partition: max(begins[partition], ends[partition] - newest) for partition in ends}
            self._consumer.seek(starts)
        except BaseException:
            self._consumer.close()
            raise
        self.passed_over = sum(starts[partition] - begins[partition] for partition in ends)
        """Offsets before those, which are not read."""
        self._ends = ends

    def next_records(self, timeout_seconds: float) -> list[Record]:
        """Return what came next, waiting at most ``timeout_seconds``; empty where nothing came."""
        self._consumer.poll(timeout_seconds)
        came = {p: records for p, records in self._consumer.waiting().records.items() if records}
        return self._consumer.take({p: OffsetRange(r[0].offset, r[-1].offset + 1) for p, r in came.items()})

    def past_records(self, settings: StreamSettings) -> Iterator[Record]:
        """Yield what the topic held at the beginning, and nothing that came later.

        Raises
        ------
        BrokerUnavailable
            Nothing came for ``settings.broker_timeout_seconds``.
        """
        deadline = Deadline(settings.broker_timeout_seconds)
        while not self.caught_up:
            came = self.next_records(_POLL_SECONDS)
            if came:
                deadline = Deadline(settings.broker_timeout_seconds)
            elif deadline.expired:
                raise unavailable(settings, f"{self._consumer.topic} did not come to its end")
            yield from (record for record in came if record.offset < self._ends[record.partition])
            if came and all(record.offset >= self._ends[record.partition] for record in came):
                return

    @property
    def caught_up(self) -> bool:
        """Whether all that the topic held at the last poll was handed out; a transaction's marker is no record."""
        waiting = self._consumer.waiting()
        return not waiting.unread and not any(waiting.records.values())

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._consumer.close()


def read_record(settings: StreamSettings, topic: str, partition: int, offset: int) -> Record | None:
    """Return the record that stands at a place; None where the log has none there.

    Raises
    ------
    BrokerUnavailable, TopicMissing
        As `NewestRecords`.
    """
    with closing(PartitionConsumer(settings, topic)) as log:
        begins, ends = log.begin_offsets(), log.end_offsets()
        if partition not in ends or not begins[partition] <= offset < ends[partition]:
            return None
        log.seek({partition: offset})
        found = log.take({partition: OffsetRange(offset, offset + 1)})
        return found[0] if found else None
