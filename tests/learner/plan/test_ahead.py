import pytest

from learner.plan import ahead as ahead_module
from learner.plan.ahead import Ahead
from stream.memory_log import MemoryLog
from stream.process.errors import InvalidImage, PositionLost
from tests.learner.small import decode, digits_frames

IMAGES = [frame.image for frame in digits_frames(0, 4)]


class Counting:
    """A decoder that counts how often it was asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, data):
        self.asked += 1
        return decode(data)


@pytest.fixture
def counting():
    return Counting()


@pytest.fixture
def ahead(counting):
    begun = Ahead(counting)
    yield begun
    begun.close()


def test_an_image_that_was_begun_is_decoded_once_and_any_other_when_it_is_asked_for(ahead, counting):
    ahead.begin(IMAGES[:3], MemoryLog(1))
    ahead.wait()
    assert all((ahead(image) == decode(image)).all() for image in IMAGES)
    assert counting.asked == 4
    assert (ahead(IMAGES[0]) == decode(IMAGES[0])).all()


def test_what_is_no_image_is_told_when_it_is_asked_for(ahead):
    ahead.begin([b"text", IMAGES[0]], MemoryLog(1))
    ahead.wait()
    with pytest.raises(InvalidImage, match="no JPEG, PNG or WebP"):
        ahead(b"text")
    assert ahead(IMAGES[0]).shape == (32, 32, 3)


def test_what_was_begun_for_another_plan_is_forgotten(ahead, counting):
    ahead.begin(IMAGES[:2], MemoryLog(1))
    ahead.begin(IMAGES[2:], MemoryLog(1))
    ahead.wait()
    ahead(IMAGES[0])
    assert counting.asked == 5


def test_what_was_begun_before_can_be_asked_for_while_the_next_is_begun(ahead, counting):
    ahead.begin(IMAGES[:2], MemoryLog(1))
    ahead.begin(IMAGES[2:], MemoryLog(1))
    ahead(IMAGES[0])
    ahead.wait()
    assert counting.asked == 4


def test_what_is_begun_once_more_is_not_decoded_again(ahead, counting):
    ahead.begin(IMAGES[:2], MemoryLog(1))
    ahead.begin(IMAGES, MemoryLog(1))
    ahead.wait()
    assert counting.asked == 4


def test_it_holds_a_bounded_number_of_bytes(ahead, counting, monkeypatch):
    monkeypatch.setattr(ahead_module, "_MOST_BYTES", 2 * 32 * 32 * 3)
    ahead.begin(IMAGES, MemoryLog(1))
    ahead.wait()
    assert counting.asked == 3
    assert (ahead(IMAGES[3]) == decode(IMAGES[3])).all()


def test_the_log_is_polled_and_its_error_is_told_to_who_waits(ahead):
    log = MemoryLog(1)
    log.append(0, None, b"frame")
    ahead.begin([], log)
    ahead.wait()
    assert len(log.waiting().records[0]) == 1
    log.append(0, None, b"frame")
    log.expire(0, 2)
    ahead.begin([], log)
    with pytest.raises(PositionLost):
        ahead.wait()
    ahead.wait()
