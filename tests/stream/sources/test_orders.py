import numpy as np
import pytest

from stream.sources.orders import class_incremental, shuffled, tasks_of

LABELS = np.random.default_rng(3).integers(0, 10, 200)


def test_every_index_appears_once():
    assert sorted(class_incremental(LABELS, 2, seed=0)) == list(range(200))
    assert sorted(shuffled(LABELS, seed=0)) == list(range(200))


def test_tasks_follow_each_other_in_the_order_of_class_ids():
    seen = LABELS[class_incremental(LABELS, 2, seed=0)] // 2
    assert (np.diff(seen) >= 0).all()
    assert set(seen) == set(range(5))


def test_classes_are_mixed_within_a_task():
    first_task = LABELS[class_incremental(LABELS, 5, seed=0)][: int((LABELS < 5).sum())]
    assert (np.diff(first_task) < 0).sum() > 10


def test_tasks_of_numbers_what_class_incremental_streams():
    tasks = tasks_of(LABELS, 3)
    streamed = [tasks[index] for index in class_incremental(LABELS, 3, seed=1)]
    assert streamed == sorted(streamed)
    assert max(tasks) == 3, "ten classes by three leave a last task of one"


def test_a_given_class_order_is_followed():
    order = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    streamed = LABELS[class_incremental(LABELS, 1, seed=0, class_order=order)]
    assert (np.diff(streamed) <= 0).all()


@pytest.mark.parametrize("draw", [lambda seed: class_incremental(LABELS, 2, seed), lambda seed: shuffled(LABELS, seed)])
def test_the_seed_decides(draw):
    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert all(type(index) is int for index in draw(1))
