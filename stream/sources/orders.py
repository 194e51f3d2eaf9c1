"""In which order a data set is streamed: lists of indices, drawn from a seed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


def tasks_of(labels: Labels, classes_per_task: int, class_order: Sequence[int] | None = None) -> list[int]:
    """Return the number of the task that each index belongs to; the last task takes the classes that are left.

    Parameters
    ----------
    labels
        int64, [images].
    classes_per_task
        1 or more.
    class_order
        All class ids in the order in which they appear; by default ascending.

    Examples
    --------
    >>> tasks_of(np.array([0, 3, 1, 2, 0]), classes_per_task=2)
    [0, 1, 0, 1, 0]
    >>> tasks_of(np.array([0, 3, 1, 2, 0]), 2, class_order=[3, 2, 1, 0])
    [1, 0, 1, 0, 1]
    """
    order = np.unique(labels).tolist() if class_order is None else class_order
    task_of_class = {label: place // classes_per_task for place, label in enumerate(order)}
    return [task_of_class[label] for label in labels.tolist()]


def class_incremental(
    labels: Labels, classes_per_task: int, seed: int, class_order: Sequence[int] | None = None
) -> list[int]:
    """Return all indices, task after task, shuffled within each task.

    Examples
    --------
    >>> class_incremental(np.array([1, 0, 1, 0]), classes_per_task=1, seed=0)[:2] in ([1, 3], [3, 1])
    True
    """
    tasks = np.array(tasks_of(labels, classes_per_task, class_order), dtype=np.int64)
    random = np.random.default_rng(seed)
    order: list[int] = []
    for task in np.unique(tasks):
        order += random.permutation(np.flatnonzero(tasks == task)).tolist()
    return order


def shuffled(labels: Labels, seed: int) -> list[int]:
    """Return all indices in a random order.

    Examples
    --------
    >>> sorted(shuffled(np.array([5, 5, 6]), seed=1))
    [0, 1, 2]
    """
    return [int(index) for index in np.random.default_rng(seed).permutation(len(labels))]
