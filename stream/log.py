"""The log of frames as the learner sees it: seek once, poll often, plan on what waits, take what was planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stream.frame import Headers
from stream.messages.task_plan import Ranges


@dataclass(frozen=True)
class Record:
    """One record where it stands in the log."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def size_bytes(self) -> int:
        """Count what the record occupies in a buffer: its key, value and headers, and 256 bytes for the objects."""
        headers = sum(len(name) + len(content or b"") for name, content in self.headers)
        return 256 + len(self.key or b"") + len(self.value or b"") + headers


@dataclass(frozen=True)
class Waiting:
    """What is polled and not yet taken.

    Parameters
    ----------
    records
        By partition, in offset order; every partition of the topic has an entry, which may be empty.
    unread
        The partitions that had more in the log than is polled, at the last poll.
    behind
        How many offsets that is, over all partitions: records, and gaps between them.
    """

    records: Mapping[int, Sequence[Record]]
    unread: frozenset[int]
    behind: int = 0

    @property
    def complete(self) -> bool:
        """Every partition has a record waiting, or had nothing more in the log at the last poll.

        A cut of an incomplete view would depend on which partition happened to answer first.
        """
        return all(self.records[partition] for partition in self.unread)


class FrameLog(Protocol):
    """The partitions of one topic, read by position and never by consumer group.

    Blocking: `seek`, `poll` and `take` may wait for the broker, each at most its stated time; `waiting` never does.
    Order: inside a partition records come in offset order, each once, until the next `seek`. Offsets may have gaps
    (transaction markers, compaction), so a range names offsets and never a number of records.
    Crash: nothing survives in the object; the caller keeps the positions and seeks again. Aborted transactions are
    never seen. One thread at a time may use a log.
    """

    def seek(self, positions: Mapping[int, int]) -> None:
        """Stand at the next unread offset of each partition and drop the buffer.

        A partition that is not named starts at its beginning. Blocks at most the broker timeout.

        Raises
        ------
        PositionLost
            A position lies before the log's beginning (expired) or past its end (the topic was made anew), or names a
            partition that does not exist.
        BrokerUnavailable
            Kafka did not answer in time.
        """

    def poll(self, timeout_seconds: float) -> None:
        """Fill the buffer with what comes within ``timeout_seconds``; return early once something came.

        A partition whose share of the buffer is full is paused until it is below half of it, so a slow planner holds
        bounded memory, and a partition with nothing buffered is always asked. A broker that is away is no error
        here: nothing comes.

        Raises
        ------
        PositionLost
            A position expired while it was waiting to be read.
        """

    def waiting(self) -> Waiting:
        """Return what is polled and not yet taken; changes nothing and never blocks."""

    def take(self, ranges: Ranges) -> list[Record]:
        """Return exactly the records inside ``ranges``, by (partition, offset), and remove them from the buffer.

        What is not in the buffer, because it was taken before or not polled yet, is read from the log; this is how a
        restarted learner executes its plans again and reads a window. Taking at or past the position moves the
        position to the range's end; taking before it does not move it. Blocks at most the broker timeout.

        Raises
        ------
        PositionLost
            The log no longer holds a part of the ranges, or does not reach so far.
        BrokerUnavailable
            Kafka did not deliver the ranges in time.
        ValueError
            A range begins past the next unread offset: taking it would skip records.
        """
