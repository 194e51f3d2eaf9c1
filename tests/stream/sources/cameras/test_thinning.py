import pytest

from stream.sources.cameras.thinning import Thinning


def kept(thinning, times):
    return [time_ms for time_ms in times if thinning.keep(time_ms)]


def test_it_keeps_every_nth_frame_of_an_even_stream():
    assert kept(Thinning(5), range(0, 2000, 100)) == list(range(0, 2000, 200))
    assert kept(Thinning(10), range(0, 2000, 100)) == list(range(0, 2000, 100))


def test_it_holds_the_mean_rate_where_it_does_not_divide():
    assert len(kept(Thinning(10), range(0, 10_000, 40))) == pytest.approx(100, abs=1)
    assert len(kept(Thinning(24), range(0, 10_000, 40))) == pytest.approx(240, abs=1)


def test_it_does_not_make_up_for_a_pause():
    times = [*range(0, 500, 50), *range(10_000, 10_500, 50)]
    assert [time_ms for time_ms in kept(Thinning(5), times) if time_ms >= 10_000] == [10_000, 10_200, 10_400]


def test_it_goes_on_where_a_clock_was_set_back():
    assert kept(Thinning(5), [10_000, 10_200, 400, 500, 600]) == [10_000, 10_200, 400, 600]


def test_a_rate_of_0_keeps_all():
    assert kept(Thinning(0), [5, 5, 3]) == [5, 5, 3]
