import pytest

from stream.frame_buffer import FrameBuffer
from stream.log import Record


def record(partition: int, offset: int, size: int) -> Record:
    return Record(partition, offset, 0, None, b"x" * (size - 256), ())


def buffer(limit_bytes: int, partitions: int = 2) -> FrameBuffer:
    made = FrameBuffer(range(partitions), limit_bytes)
    made.reset(dict.fromkeys(range(partitions), 0))
    return made


def test_a_partition_is_full_at_half_of_its_share_and_wants_more_below_a_quarter() -> None:
    held = buffer(limit_bytes=16_000)
    held.add(0, [record(0, offset, 1000) for offset in range(3)], 3)
    assert held.full == frozenset()
    held.add(0, [record(0, 3, 1000)], 4)
    assert held.full == {0}
    held.take(0, 0, 2)
    assert held.full == {0}, "a quarter of the share is held"
    held.take(0, 2, 3)
    assert held.full == frozenset()


def test_one_record_above_the_share_fills_a_partition_and_is_not_lost() -> None:
    held = buffer(limit_bytes=100)
    held.add(1, [record(1, 0, 5000)], 1)
    assert held.full == {1}
    assert [taken.offset for taken in held.take(1, 0, 1)] == [0]
    assert held.size_bytes == 0


def test_gaps_in_offsets_are_passed_over() -> None:
    held = buffer(limit_bytes=8000)
    held.add(0, [record(0, 3, 300), record(0, 7, 300)], 9)
    assert [taken.offset for taken in held.take(0, 1, 5)] == [3]
    assert [taken.offset for taken in held.take(0, 5, 9)] == [7]
    assert (held.position(0), held.polled(0)) == (9, 9)


def test_taking_past_a_waiting_record_is_refused_and_changes_nothing() -> None:
    held = buffer(limit_bytes=8000)
    held.add(0, [record(0, 0, 300), record(0, 1, 300)], 2)
    with pytest.raises(ValueError, match="take it before 1"):
        held.take(0, 1, 2)
    assert [waiting.offset for waiting in held.waiting()[0]] == [0, 1]


def test_a_view_does_not_change_when_the_buffer_does() -> None:
    held = buffer(limit_bytes=8000)
    held.add(0, [record(0, 0, 300)], 1)
    before = held.waiting()
    held.take(0, 0, 1)
    assert [waiting.offset for waiting in before[0]] == [0]
    assert list(held.waiting()[0]) == []
