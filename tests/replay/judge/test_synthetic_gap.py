import numpy as np
import pytest

from replay.judge.synthetic_gap import synthetic_gap
from tests.replay.judge.test_sample_filter import around


def test_two_samples_of_one_distribution_have_next_to_none():
    gaps = [synthetic_gap(around(0, 50, seed=n), around(0, 5, seed=1000 + n)) for n in range(100)]
    assert np.mean(gaps) < 0.2
    assert np.median(gaps) < 0.1


def test_it_grows_as_the_images_leave_the_exemplars():
    real, apart = around(0, 5, seed=1), around(1, 1, scatter=0)
    moved = [around(0, 50, seed=2) + share * apart for share in (0, 0.2, 0.5, 1, 3)]
    gaps = [synthetic_gap(one / np.linalg.norm(one, axis=1, keepdims=True), real) for one in moved]
    assert gaps == sorted(gaps)
    assert gaps[0] < 0.3
    assert gaps[-1] > 1


def test_it_is_the_formula_that_its_docstring_states():
    generated, real = around(0, 7, seed=1), around(1, 4, seed=2)
    squared = np.sum((generated.mean(0) - real.mean(0)) ** 2)
    s_g, s_e = (np.var(one, axis=0, ddof=1).sum() for one in (generated, real))
    expected = np.sqrt((squared - s_g / 7 - s_e / 4) / ((s_g + s_e) / 2))
    assert synthetic_gap(generated, real) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("exemplars", [1, 5])
def test_one_image_and_exemplars_that_do_not_scatter_are_not_far_apart_for_that(exemplars):
    real = np.tile(np.array([[1.0, 0.0]], np.float32), (exemplars, 1))
    near = np.array([[np.cos(0.16), np.sin(0.16)]], np.float32)  # 1 - cosine is 0.013
    assert synthetic_gap(near, real) < 1.2


@pytest.mark.parametrize("counts", [(1, 5), (50, 1), (1, 1)])
def test_one_image_alone_is_enough(counts):
    generated, real = around(0, counts[0], seed=1), around(0, counts[1], seed=2)
    assert 0 <= synthetic_gap(generated, real) < 1000
    assert synthetic_gap(real, real) == 0.0
