import pytest

from stream.feed.pace import Pace


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
