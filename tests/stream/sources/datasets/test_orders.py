import numpy as np
import pytest

from stream.process.errors import InvalidSetting
from stream.sources.datasets.orders import (
    ORDERS,
    blurry,
    class_incremental,
    gradual,
    order_of,
    recurring,
    shuffled,
    tasks_of,
)

LABELS = np.random.default_rng(3).integers(0, 10, 200)
TASKS = np.array(tasks_of(LABELS, 2))
EVEN = np.repeat(np.arange(10), 100)
EVEN_TASKS = np.array(tasks_of(EVEN, 2))


@pytest.mark.parametrize("name", ORDERS)
def test_every_index_appears_once(name):
    assert sorted(order_of(name, LABELS, 2, seed=0)) == list(range(200))


@pytest.mark.parametrize("name", ORDERS)
def test_the_seed_decides(name):
    assert order_of(name, LABELS, 2, seed=1) == order_of(name, LABELS, 2, seed=1)
    assert order_of(name, LABELS, 2, seed=1) != order_of(name, LABELS, 2, seed=2)
    assert all(type(index) is int for index in order_of(name, LABELS, 2, seed=1))


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("labels", [[], [4], [4, 4, 4]])
def test_a_set_with_one_class_or_none_is_ordered_too(name, labels):
    order = order_of(name, np.array(labels, dtype=np.int64), 2, seed=0)
    assert sorted(order) == list(range(len(labels)))


def test_an_unknown_order_is_answered_with_the_known_ones():
    with pytest.raises(InvalidSetting, match="recurring"):
        order_of("sorted", LABELS, 2, seed=0)


def test_each_name_is_its_function():
    assert order_of("class_incremental", LABELS, 3, 5) == class_incremental(LABELS, 3, 5)
    assert order_of("gradual", LABELS, 3, 5) == gradual(LABELS, 3, 5)
    assert order_of("blurry", LABELS, 3, 5) == blurry(LABELS, 3, 5)
    assert order_of("recurring", LABELS, 3, 5) == recurring(LABELS, 3, 5)
    assert order_of("shuffled", LABELS, 3, 5) == shuffled(LABELS, 5)


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


def test_gradual_slides_from_each_task_to_the_next_along_the_sigmoid():
    streamed = np.stack([EVEN_TASKS[gradual(EVEN, 2, seed, width=0.5)] for seed in range(200)])
    places = np.arange(-60, 61, 10)
    expected = 1 / (1 + np.exp(-4 * places / (0.5 * 200)))
    for boundary in (200, 400, 600, 800):
        next_task = streamed[:, boundary + places] >= boundary // 200
        np.testing.assert_allclose(next_task.mean(0), expected, atol=0.12)  # 3 standard errors of 200 draws


def test_a_narrow_gradual_change_is_nearly_sharp():
    sharp, narrow, wide = (
        (np.diff(EVEN_TASKS[order]) != 0).sum()
        for order in (class_incremental(EVEN, 2, 0), gradual(EVEN, 2, 0, width=0.02), gradual(EVEN, 2, 0, width=0.5))
    )
    assert sharp == 4
    assert sharp <= narrow < 20 < wide


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_blurry_spreads_the_share_of_each_class_evenly_over_the_other_tasks(share):
    order = np.array(blurry(EVEN, 2, seed=0, share=share))
    shown_in = np.repeat(np.arange(5), 200)
    for label in range(10):
        counts = np.bincount(shown_in[EVEN[order] == label], minlength=5)
        own = counts[label // 2]
        assert abs(own - round(100 * (1 - share))) <= 4, "tasks exchange images, so their sizes differ a little"
        assert np.ptp(np.delete(counts, label // 2)) <= 8


def test_recurring_visits_every_task_in_each_round_with_other_images():
    order = np.array(recurring(EVEN, 2, seed=0, rounds=3))
    visits = EVEN_TASKS[order]
    begins = np.flatnonzero(np.diff(visits, prepend=-1))
    assert visits[begins].tolist() == [0, 1, 2, 3, 4] * 3
    sizes = np.diff([*begins, len(order)])
    assert set(sizes.tolist()) <= {66, 67, 68}
    assert (np.bincount(EVEN[order[: begins[5]]]) == 34).all(), "100 images over 3 visits: 34, 33, 33"


def test_a_class_with_fewer_images_than_rounds_comes_in_the_first_ones():
    labels = np.array([0, 0, 0, 1])
    assert labels[recurring(labels, 1, seed=0, rounds=3)].tolist() == [0, 1, 0, 0]
