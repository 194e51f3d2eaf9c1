import threading

import numpy as np
import pytest

from stream.sources.cameras.picture_queue import Picture, PictureQueue
from tests.wait import PATIENCE_SECONDS, wait_until

PICTURE_BYTES = 12


def picture(number):
    return Picture(np.full((2, 2, 3), number, np.uint8), number)


def numbers(pictures):
    return [each.time_ms for each in pictures]


def test_pictures_come_in_order_and_at_most_as_many_as_are_asked_for():
    queue = PictureQueue(10 * PICTURE_BYTES, drops=True)
    for number in range(5):
        queue.put(picture(number))
    assert numbers(queue.take(3, 0)) == [0, 1, 2]
    assert numbers(queue.take(3, 0)) == [3, 4]
    assert queue.take(3, 0) == []


def test_memory_is_bounded_while_ten_times_as_much_comes_and_the_oldest_gives_way():
    queue = PictureQueue(4 * PICTURE_BYTES, drops=True)
    for number in range(40):
        queue.put(picture(number))
        assert queue.size_bytes <= 4 * PICTURE_BYTES
    assert queue.dropped == 36
    assert numbers(queue.take(9, 0)) == [36, 37, 38, 39]
    assert queue.size_bytes == 0


@pytest.mark.parametrize("drops", [True, False])
def test_one_picture_always_finds_room(drops):
    queue = PictureQueue(1, drops)
    queue.put(picture(7))
    assert numbers(queue.take(1, 0)) == [7]


def test_a_queue_that_does_not_drop_makes_the_camera_wait():
    queue = PictureQueue(2 * PICTURE_BYTES, drops=False)
    thread = threading.Thread(target=lambda: [queue.put(picture(number)) for number in range(20)])
    thread.start()
    taken = []
    while len(taken) < 20:
        assert queue.size_bytes <= 2 * PICTURE_BYTES
        taken += queue.take(1, 5.0)
    thread.join()
    assert numbers(taken) == list(range(20))
    assert queue.dropped == 0


def test_after_the_end_what_waits_can_be_taken_and_nothing_is_added():
    queue = PictureQueue(9 * PICTURE_BYTES, drops=True)
    queue.put(picture(1))
    queue.end()
    queue.put(picture(2))
    assert not queue.ended
    assert numbers(queue.take(9, 0)) == [1]
    assert queue.ended
    assert (queue.dropped, queue.left) == (0, 1)


def test_closing_lets_go_of_what_waits_and_frees_a_waiting_camera():
    queue = PictureQueue(PICTURE_BYTES, drops=False)
    queue.put(picture(1))
    thread = threading.Thread(target=queue.put, args=(picture(2),))
    thread.start()
    wait_until(thread.is_alive)
    queue.close()
    queue.close()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert (queue.ended, queue.dropped, queue.left) == (True, 0, 2)
