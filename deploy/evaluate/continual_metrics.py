"""Metrics of continual, unlabelled learning. Labels are used here and never in the learner.

R[i, j] is the accuracy on task j's test images of the model after task i, under the map of model i. Formulas as in
GEM (Lopez-Paz & Ranzato 2017) for backward transfer and Chaudhry et al. 2018 for forgetting.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Integers = NDArray[np.int64]
Matrix = NDArray[np.float64]


def fit_cluster_map(clusters: Integers, labels: Integers) -> dict[int, int]:
    """Return the one-to-one map from cluster id to label that agrees with most samples (the Hungarian method).

    Surplus clusters get no label, so that their samples count as wrong. Fit on stream images, apply to unseen ones.

    Examples
    --------
    >>> fit_cluster_map(np.array([7, 7, 9, 9]), np.array([1, 1, 0, 1]))
    {7: 1, 9: 0}
    """
    cluster_ids, cluster_rows = np.unique(clusters, return_inverse=True)
    label_ids, label_columns = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(cluster_ids), len(label_ids)), dtype=np.int64)
    np.add.at(counts, (cluster_rows, label_columns), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    matched = [(row, column) for row, column in zip(rows, columns, strict=True) if counts[row, column]]
    return {int(cluster_ids[row]): int(label_ids[column]) for row, column in matched}


def accuracy(cluster_map: Mapping[int, int], clusters: Integers, labels: Integers) -> float:
    """Return the share of samples whose cluster maps to their label; 0 for no samples.

    Examples
    --------
    >>> accuracy({7: 1}, np.array([7, 7, 9]), np.array([1, 0, 0]))
    0.3333333333333333
    """
    if not len(labels):
        return 0.0
    right = [cluster_map.get(int(cluster)) == int(label) for cluster, label in zip(clusters, labels, strict=True)]
    return sum(right) / len(right)


def task_ends(tasks: Sequence[int]) -> list[int]:
    """Return how many frames are over at the end of each task, of each frame's task; tasks follow each other.

    Examples
    --------
    >>> task_ends([0, 0, 0, 1, 1])
    [3, 5]
    """
    counts = np.bincount(np.asarray(tasks, dtype=np.int64))
    return [int(end) for end in np.cumsum(counts)]


def accuracy_matrix(
    answers: Sequence[tuple[Integers, Integers] | None],
    stream_labels: Integers,
    test_labels: Integers,
    test_tasks: Integers,
) -> Matrix:
    """Return R: row i is the model at the end of task i, under its own map over the stream until then.

    Parameters
    ----------
    answers
        For each task the clusters that the model at its end gives to the stream's frames until then, and to the unseen
        images of the tasks until then, in their order; None where there was no model yet, which knows nothing.
    stream_labels, test_labels, test_tasks
        Labels in the stream's order; label and task of each unseen image.

    Examples
    --------
    >>> first, second = (np.array([7, 7]), np.array([7])), (np.array([7, 7, 9]), np.array([7, 7]))
    >>> accuracy_matrix([first, second], np.array([0, 0, 1]), np.array([0, 1]), np.array([0, 1]))
    array([[1., 0.],
           [1., 0.]])
    """
    matrix = np.zeros((len(answers), len(answers)))
    for task, answer in enumerate(answers):
        if answer is None:
            continue
        seen, unseen = answer
        cluster_map = fit_cluster_map(seen, stream_labels[: len(seen)])
        asked = test_tasks <= task
        truth, of_task = test_labels[asked], test_tasks[asked]
        matrix[task, : task + 1] = [
            accuracy(cluster_map, unseen[of_task == j], truth[of_task == j]) for j in range(task + 1)
        ]
    return matrix


def average_accuracy(matrix: Matrix) -> float:
    """Return the average incremental accuracy, mean over i of mean over j ≤ i of R[i, j].

    Examples
    --------
    >>> average_accuracy(np.array([[1.0, 0.0], [0.5, 0.7]]))
    0.8
    """
    return float(np.mean([matrix[i, : i + 1].mean() for i in range(len(matrix))]))


def backward_transfer(matrix: Matrix) -> float:
    """Return mean over j < T of R[T, j] − R[j, j]; 0 with one task.

    Examples
    --------
    >>> backward_transfer(np.array([[1.0, 0.0], [0.5, 0.7]]))
    -0.5
    """
    last = len(matrix) - 1
    return float(np.mean([matrix[last, j] - matrix[j, j] for j in range(last)])) if last else 0.0


def forgetting(matrix: Matrix) -> float:
    """Return mean over j < T of max over i < T of R[i, j], minus R[T, j]; 0 with one task.

    Examples
    --------
    >>> forgetting(np.array([[1.0, 0.0], [0.5, 0.7]]))
    0.5
    """
    last = len(matrix) - 1
    return float(np.mean([matrix[j:last, j].max() - matrix[last, j] for j in range(last)])) if last else 0.0


def knowledge_retention(matrix: Matrix) -> float:
    """Return mean over j < T of min(1, R[T, j] / max over i of R[i, j]); never shown without the accuracy.

    A task that was never learned has nothing to retain and counts as 0.

    Examples
    --------
    >>> knowledge_retention(np.array([[1.0, 0.0], [0.5, 0.7]]))
    0.5
    """
    last = len(matrix) - 1
    if not last:
        return 1.0
    best = [matrix[j:, j].max() for j in range(last)]
    kept = [min(1.0, matrix[last, j] / best[j]) if best[j] > 0 else 0.0 for j in range(last)]
    return float(np.mean(kept))
