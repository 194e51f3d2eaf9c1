"""Which waiting records the next plan takes. Partitions are merged by their records' timestamps."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from stream.log import Record, Waiting
from stream.messages.task_plan import OffsetRange


def merge_by_time(partitions: Iterable[Sequence[Record]], count: int) -> list[Record]:
    """Return the first ``count`` records of all partitions in the order of their timestamps."""
    return list(islice(heapq.merge(*partitions, key=lambda record: (record.timestamp_ms, record.partition)), count))


def is_settled(merged: Sequence[Record], waiting: Waiting) -> bool:
    """Say whether polling more could not change the merge: no partition that has more ran out before its end."""
    last = {(partition, records[-1].offset) for partition, records in waiting.records.items() if records}
    ran_out = {record.partition for record in merged[:-1] if (record.partition, record.offset) in last}
    return waiting.complete and not waiting.unread & ran_out


def as_many_as_fit(waiting: Waiting, limit_bytes: int) -> list[Record]:
    """Return the first records of each partition, partition by partition, up to ``limit_bytes``; one at the least."""
    fitting: list[Record] = []
    left = limit_bytes
    for partition in sorted(waiting.records):
        for record in waiting.records[partition]:
            if fitting and record.size_bytes > left:
                break
            fitting.append(record)
            left -= record.size_bytes
    return fitting


def thinned(records: Sequence[Record], keep: int) -> list[Record]:
    """Return the first of every ``keep`` records of each partition.

    Examples
    --------
    >>> records = [Record(partition, offset, 0, None, b"", ()) for partition in (0, 1) for offset in range(5)]
    >>> [(record.partition, record.offset) for record in thinned(records, 4)]
    [(0, 0), (0, 4), (1, 0), (1, 4)]
    """
    place: Counter[int] = Counter()
    kept: list[Record] = []
    for record in records:
        if place[record.partition] % keep == 0:
            kept.append(record)
        place[record.partition] += 1
    return kept


def tiling_ranges(records: Sequence[Record], positions: Mapping[int, int]) -> dict[int, OffsetRange]:
    """Return ranges that begin where the last plan ended, so that all plans together tile the log."""
    ranges: dict[int, OffsetRange] = {}
    for record in records:
        first = positions.get(record.partition, record.offset)
        start = ranges[record.partition].start if record.partition in ranges else first
        ranges[record.partition] = OffsetRange(start, record.offset + 1)
    return dict(sorted(ranges.items()))
