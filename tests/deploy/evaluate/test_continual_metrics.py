from itertools import permutations

import numpy as np
import pytest

from deploy.evaluate.continual_metrics import (
    accuracy,
    accuracy_matrix,
    average_accuracy,
    backward_transfer,
    fit_cluster_map,
    forgetting,
    knowledge_retention,
)

MATRIX = np.array([[0.9, 0.0, 0.0], [0.6, 0.8, 0.0], [0.3, 0.9, 0.7]])


def test_the_map_is_one_to_one_and_surplus_clusters_count_as_wrong():
    clusters, labels = np.array([4, 4, 4, 8, 8, 2]), np.array([0, 0, 0, 0, 1, 0])
    cluster_map = fit_cluster_map(clusters, labels)
    assert cluster_map == {4: 0, 8: 1}
    assert accuracy(cluster_map, clusters, labels) == pytest.approx(4 / 6)


def test_the_map_agrees_with_the_best_of_all_permutations():
    rng = np.random.default_rng(0)
    clusters, labels = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    best = max(np.mean([p[c] == y for c, y in zip(clusters, labels, strict=True)]) for p in permutations(range(4)))
    assert accuracy(fit_cluster_map(clusters, labels), clusters, labels) == pytest.approx(best)


def test_a_cluster_unseen_when_the_map_was_fitted_counts_as_wrong():
    assert accuracy({4: 0}, np.array([5]), np.array([0])) == 0.0


def test_no_samples_give_no_accuracy():
    assert accuracy({}, np.array([], dtype=np.int64), np.array([], dtype=np.int64)) == 0.0


def test_the_formulas_on_a_matrix_computed_by_hand():
    assert average_accuracy(MATRIX) == pytest.approx((0.9 + 0.7 + (0.3 + 0.9 + 0.7) / 3) / 3)
    assert backward_transfer(MATRIX) == pytest.approx(((0.3 - 0.9) + (0.9 - 0.8)) / 2)
    assert forgetting(MATRIX) == pytest.approx(((0.9 - 0.3) + (0.8 - 0.9)) / 2)
    assert knowledge_retention(MATRIX) == pytest.approx((0.3 / 0.9 + 1.0) / 2)


def test_each_model_is_judged_under_its_own_map_on_the_tasks_until_then():
    labels, test_labels, test_tasks = np.array([0, 0, 1, 1]), np.array([1, 0, 1, 0]), np.array([1, 0, 1, 0])
    second = np.array([5, 5, 3, 3]), np.array([3, 5, 5, 5])
    assert accuracy_matrix([None, second], labels, test_labels, test_tasks).tolist() == [[0, 0], [1, 0.5]]
    first = np.array([3, 3]), np.array([3, 9])
    assert accuracy_matrix([first, second], labels, test_labels, test_tasks).tolist() == [[0.5, 0], [1, 0.5]]


def test_a_task_that_was_never_learned_retains_nothing():
    assert knowledge_retention(np.array([[0.0, 0.0], [0.0, 0.5]])) == 0.0
