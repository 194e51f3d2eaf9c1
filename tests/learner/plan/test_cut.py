from learner.plan.cut import as_many_as_fit, tiling_ranges
from stream.log import Record, Waiting
from stream.messages.task_plan import OffsetRange


def record(partition, offset, size=100):
    return Record(partition, offset, 0, None, b"x" * size, ())


def waiting(*records):
    partitions = {one.partition for one in records}
    return Waiting({p: [one for one in records if one.partition == p] for p in partitions}, frozenset())


def test_nothing_waits_nothing_fits():
    assert as_many_as_fit(Waiting({0: []}, frozenset()), 1000) == []


def test_the_first_records_fit_without_a_gap():
    small, large, behind = record(0, 0), record(0, 1, 5000), record(0, 2)
    assert as_many_as_fit(waiting(small, large, behind), 1000) == [small]


def test_one_record_always_fits():
    assert as_many_as_fit(waiting(record(0, 3, 5000)), 1000) == [record(0, 3, 5000)]


def test_ranges_begin_where_the_last_plan_ended_or_at_the_first_record():
    records = [record(1, 8), record(0, 7), record(1, 9)]
    assert tiling_ranges(records, {0: 4}) == {0: OffsetRange(4, 8), 1: OffsetRange(8, 10)}
