"""In which order a data set is streamed: lists of indices, drawn from a seed; no image comes twice.

============================  ========================================================================================
``class_incremental``         one task after the other, sharp boundaries
``gradual``                   the share of the next task rises along a sigmoid around each boundary
``blurry``                    a share of each class's images is spread over the other tasks
``recurring``                 all tasks, then all again: each class's images are dealt over several visits
``shuffled``                  no tasks at all
============================  ========================================================================================
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from stream.process.errors import InvalidSetting

Labels = npt.NDArray[np.int64]
ORDERS = ("class_incremental", "gradual", "blurry", "recurring", "shuffled")


def order_of(name: str, labels: Labels, classes_per_task: int, seed: int) -> list[int]:
    """Return the indices of ``labels`` in the order called ``name``, with that order's own defaults.

    Parameters
    ----------
    name
        One of `ORDERS`.
    labels
        int64, [images].
    classes_per_task
        1 or more; ``shuffled`` has no tasks and does not look at it.

    Raises
    ------
    InvalidSetting
        There is no such order.

    Examples
    --------
    >>> sorted(order_of("blurry", np.array([0, 1, 1, 0]), classes_per_task=1, seed=0))
    [0, 1, 2, 3]
    """
    if name == "shuffled":
        return shuffled(labels, seed)
    by_tasks: dict[str, Callable[[Labels, int, int], list[int]]] = {
        "class_incremental": class_incremental,
        "gradual": gradual,
        "blurry": blurry,
        "recurring": recurring,
    }
    if name not in by_tasks:
        message = f"there is no order {name!r}; choose one of {', '.join(ORDERS)}"
        raise InvalidSetting(message)
    return by_tasks[name](labels, classes_per_task, seed)


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
    return _task_by_task(tasks, np.random.default_rng(seed))


def gradual(labels: Labels, classes_per_task: int, seed: int, width: float = 0.5) -> list[int]:
    """Return all indices; around each boundary the next task takes over along a sigmoid.

    At place t the share of the task that begins at boundary b is σ(4 (t - b) / (width · length of the shortest task)),
    the transition of CapyMOA's ``SigmoidFn``. Every image is kept: its place in `class_incremental` is moved by a draw
    from the logistic distribution, whose distribution function is that sigmoid.

    Parameters
    ----------
    width
        Above 0 to 1: the part of a task in which the share rises from 12 to 88 %.

    Examples
    --------
    >>> order = gradual(np.repeat([0, 1], 500), classes_per_task=1, seed=0)
    >>> early, late = (sum(index >= 500 for index in part) for part in (order[:250], order[750:]))
    >>> early < 10, late > 240
    (True, True)
    """
    order = class_incremental(labels, classes_per_task, seed)
    shortest = np.unique(tasks_of(labels, classes_per_task), return_counts=True)[1].min(initial=len(labels))
    moves = np.random.default_rng(seed).logistic(0.0, width * shortest / 4, len(order))
    return [order[place] for place in np.argsort(np.arange(len(order)) + moves, kind="stable").tolist()]


def blurry(labels: Labels, classes_per_task: int, seed: int, share: float = 0.3) -> list[int]:
    """Return all indices, task after task; ``share`` of each class's images comes in other tasks, evenly dealt.

    As in i-Blurry with no disjoint class (N = 0, M = 100 · ``share``): every task shows every class, its own ones most.

    Examples
    --------
    >>> labels = np.repeat([0, 1], 100)
    >>> sum(index >= 100 for index in blurry(labels, classes_per_task=1, seed=0)[:100])
    30
    """
    random = np.random.default_rng(seed)
    tasks = np.array(tasks_of(labels, classes_per_task), dtype=np.int64)
    task_ids = np.unique(tasks)
    shown_in = tasks.copy()
    for label in np.unique(labels) if len(task_ids) > 1 else ():
        members = random.permutation(np.flatnonzero(labels == label))
        moved = members[: round(share * len(members))]
        others = random.permutation(task_ids[task_ids != tasks[members[0]]])
        shown_in[moved] = np.resize(others, len(moved))
    return _task_by_task(shown_in, random)


def recurring(labels: Labels, classes_per_task: int, seed: int, rounds: int = 2) -> list[int]:
    """Return all indices: all tasks in turn, ``rounds`` times; each class's images are dealt over the rounds.

    Examples
    --------
    >>> labels = np.array([0, 0, 1, 1])
    >>> labels[recurring(labels, classes_per_task=1, seed=0)].tolist()
    [0, 1, 0, 1]
    """
    random = np.random.default_rng(seed)
    tasks = np.array(tasks_of(labels, classes_per_task), dtype=np.int64)
    visits = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        for visit, part in enumerate(np.array_split(members, rounds)):
            visits[part] = visit
    return _task_by_task(visits * (tasks.max(initial=0) + 1) + tasks, random)


def shuffled(labels: Labels, seed: int) -> list[int]:
    """Return all indices in a random order.

    Examples
    --------
    >>> sorted(shuffled(np.array([5, 5, 6]), seed=1))
    [0, 1, 2]
    """
    return [int(index) for index in np.random.default_rng(seed).permutation(len(labels))]


def _task_by_task(shown_in: npt.NDArray[np.int64], random: np.random.Generator) -> list[int]:
    """Return all indices by the task in which they are shown, shuffled within each."""
    order: list[int] = []
    for task in np.unique(shown_in):
        order += random.permutation(np.flatnonzero(shown_in == task)).tolist()
    return order
