import math

from learner.intake.stream_pace import StreamPace
from stream.log import Record


def frames(*times_ms):
    return [Record(place % 2, place, time_ms, None, b"", ()) for place, time_ms in enumerate(times_ms)]


def test_it_is_told_by_the_first_and_the_newest_frame_in_whatever_order_partitions_give_them():
    pace = StreamPace.of(frames(1_200, 1_000, 1_300, 1_100), cut_at_ms=1_450)
    assert pace == StreamPace(frame_ms=100.0, lag_ms=150)


def test_further_frames_come_at_the_pace_of_these_and_are_nearer_by_the_lag():
    pace = StreamPace(frame_ms=40.0, lag_ms=300.0)
    assert pace.until_ms(10) == 100.0
    assert pace.until_ms(5) < 0, "they wait already"
    assert pace.until_ms(0) == 0.0


def test_a_lone_frame_has_no_pace_and_none_is_ever_late():
    pace = StreamPace.of(frames(1_000), cut_at_ms=9_000)
    assert (pace.until_ms(1), pace.until_ms(0)) == (math.inf, 0.0)
    assert StreamPace.of([], cut_at_ms=9_000) == pace
