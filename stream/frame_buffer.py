"""The bounded buffer between polling and planning: what is polled and not yet taken, by partition."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from stream.log import Record


class FrameBuffer:
    """Records by partition, with an equal share of the bytes for each, so that no partition can starve another.

    A partition is full once it holds half of its share, since the next fetch may bring the other half, and wants
    records again below a quarter of it. Every partition may hold at least one record, and what one fetch brings.

    Parameters
    ----------
    partitions
        All partitions of the topic.
    limit_bytes
        Shared equally.
    """

    def __init__(self, partitions: Iterable[int], limit_bytes: int) -> None:
        self._records: dict[int, list[Record]] = {partition: [] for partition in partitions}
        self._bytes = dict.fromkeys(self._records, 0)
        self._views: dict[int, tuple[Record, ...]] = {}
        self._full: set[int] = set()
        self._share_bytes = limit_bytes // max(1, len(self._records))
        self._position = dict.fromkeys(self._records, 0)
        self._polled = dict.fromkeys(self._records, 0)

    @property
    def size_bytes(self) -> int:
        """Bytes that are held, over all partitions."""
        return sum(self._bytes.values())

    @property
    def full(self) -> frozenset[int]:
        """The partitions that want nothing more for now."""
        return frozenset(self._full)

    def position(self, partition: int) -> int:
        """Return the next offset that nobody has taken."""
        return self._position[partition]

    def polled(self, partition: int) -> int:
        """Return the next offset to poll."""
        return self._polled[partition]

    def reset(self, positions: Mapping[int, int]) -> None:
        """Drop everything and stand at ``positions``, which names every partition."""
        for partition in self._records:
            self._records[partition] = []
            self._bytes[partition] = 0
            self._position[partition] = self._polled[partition] = positions[partition]
        self._full.clear()
        self._views.clear()

    def add(self, partition: int, records: Sequence[Record], polled: int) -> None:
        """Append what was polled up to the offset ``polled``, which may lie past the last record (gaps)."""
        self._polled[partition] = polled
        if not records:
            return
        self._records[partition].extend(records)
        self._bytes[partition] += sum(record.size_bytes for record in records)
        self._changed(partition)

    def waiting(self) -> dict[int, Sequence[Record]]:
        """Return what is held; unchanged partitions give the same tuple again."""
        for partition, records in self._records.items():
            if partition not in self._views:
                self._views[partition] = tuple(records)
        return {partition: self._views[partition] for partition in self._records}

    def take(self, partition: int, start: int, stop: int) -> list[Record]:
        """Remove and return the records of ``[start, stop)`` and move the position to ``stop``.

        Raises
        ------
        ValueError
            A record before ``start`` has not been taken.
        """
        records = self._records[partition]
        first, last = (bisect_left(records, offset, key=_offset) for offset in (start, stop))
        if first > 0:
            message = f"offset {records[0].offset} of partition {partition} is not taken; take it before {start}"
            raise ValueError(message)
        taken = records[:last]
        del records[:last]
        self._bytes[partition] -= sum(record.size_bytes for record in taken)
        self._position[partition] = max(stop, self._position[partition])
        self._changed(partition)
        return taken

    def _changed(self, partition: int) -> None:
        self._views.pop(partition, None)
        if self._bytes[partition] >= self._share_bytes / 2:
            self._full.add(partition)
        if not self._records[partition] or self._bytes[partition] < self._share_bytes / 4:
            self._full.discard(partition)


def _offset(record: Record) -> int:
    return record.offset
