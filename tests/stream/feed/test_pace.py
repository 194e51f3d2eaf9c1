import pytest

from stream.feed.pace import Pace, Thinning


class FakeClock:
    """Time that passes only while somebody waits, or is told to pass."""

    def __init__(self):
        self.now = 1000.0
        self.waits = []

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return FakeClock()


def test_frames_are_due_at_even_distances(clock):
    pace = Pace(20, clock, clock.wait)
    due = []
    for number in range(5):
        pace.wait_until_due(number)
        due.append(clock.now - 1000)
    assert due == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


def test_time_lost_in_sending_is_not_added_to_the_distance(clock):
    pace = Pace(10, clock, clock.wait)
    for number in range(11):
        pace.wait_until_due(number)
        clock.now += 0.03
    assert clock.now - 1000 == pytest.approx(1.03)


def test_a_delay_is_made_up_without_waiting(clock):
    pace = Pace(10, clock, clock.wait)
    clock.now += 0.35
    for number in range(5):
        pace.wait_until_due(number)
    assert clock.waits == pytest.approx([0.05])


def test_0_never_waits(clock):
    pace = Pace(0, clock, clock.wait)
    for number in range(100):
        pace.wait_until_due(number)
    assert clock.waits == []


def kept(thinning, times):
    return [time_ms for time_ms in times if thinning.keep(time_ms)]


def test_thinning_keeps_every_nth_frame_of_an_even_stream():
    assert kept(Thinning(5), range(0, 2000, 100)) == list(range(0, 2000, 200))
    assert kept(Thinning(10), range(0, 2000, 100)) == list(range(0, 2000, 100))


def test_thinning_holds_the_mean_rate_where_it_does_not_divide():
    assert len(kept(Thinning(10), range(0, 10_000, 40))) == pytest.approx(100, abs=1)
    assert len(kept(Thinning(24), range(0, 10_000, 40))) == pytest.approx(240, abs=1)


def test_thinning_does_not_make_up_for_a_pause():
    times = [*range(0, 500, 50), *range(10_000, 10_500, 50)]
    assert [time_ms for time_ms in kept(Thinning(5), times) if time_ms >= 10_000] == [10_000, 10_200, 10_400]


def test_thinning_goes_on_where_a_clock_was_set_back():
    assert kept(Thinning(5), [10_000, 10_200, 400, 500, 600]) == [10_000, 10_200, 400, 600]


def test_thinning_of_0_keeps_all():
    assert kept(Thinning(0), [5, 5, 3]) == [5, 5, 3]
