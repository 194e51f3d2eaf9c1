import pytest

from stream.sources.cameras.backoff import Backoff


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def waits(backoff, clock, count):
    found = []
    for _ in range(count):
        found.append(backoff.next_wait())
        clock.now += found[-1] or 0
    return found


def test_waits_double_up_to_half_a_minute_each_shortened_by_up_to_half():
    found = waits(Backoff(0.5, 1e9, seed=1, clock=(clock := Clock())), clock, 12)
    for number, wait in enumerate(found):
        longest = min(30.0, 0.5 * 2**number)
        assert longest / 2 <= wait <= longest
    assert len(set(found)) == 12


def test_the_seed_decides():
    one, same, other = (waits(Backoff(0.5, 1e9, seed, clock := Clock()), clock, 5) for seed in (1, 1, 2))
    assert one == same != other


def test_it_gives_up_when_the_deadline_is_over_and_never_waits_past_it():
    clock = Clock()
    found = waits(Backoff(0.5, 10.0, seed=1, clock=clock), clock, 20)
    assert found[-1] is None
    assert clock.now == pytest.approx(110.0)


def test_a_success_begins_anew():
    clock = Clock()
    backoff = Backoff(0.5, 10.0, seed=1, clock=clock)
    waits(backoff, clock, 20)
    backoff.reset()
    assert backoff.next_wait() <= 0.5


def test_without_time_to_give_it_gives_up_at_once():
    assert Backoff(0.5, 0.0, seed=1, clock=Clock()).next_wait() is None
