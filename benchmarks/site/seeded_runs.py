"""Many runs of one function, each in a process of its own, as many at a time as there are cores."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import numpy as np
from tqdm import tqdm

Row = Mapping[str, float]
Summary = Mapping[str, Any]
"""``mean``, ``std`` and ``seeds``."""


def in_processes(measure: Callable[..., Row], jobs: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], Row]:
    """Return the row of each job, by the job: the arguments of ``measure``.

    On stderr each is told as it is done, so that a run that is ended early is not lost.
    """
    done: dict[tuple[Any, ...], Row] = {}
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting = {pool.submit(measure, *job): job for job in jobs}
        for future in tqdm(as_completed(waiting), total=len(jobs), unit="run", file=sys.stderr):
            done[waiting[future]] = future.result()
            tqdm.write(json.dumps([*waiting[future], future.result()]), file=sys.stderr)
    return done


def summary(rows: Sequence[Row]) -> dict[str, Summary]:
    """Return of each figure mean and standard deviation over the rows, and the figure of each.

    Examples
    --------
    >>> summary([{"acc": 0.5}, {"acc": 1.0}])
    {'acc': {'mean': 0.75, 'std': 0.25, 'seeds': [0.5, 1.0]}}
    """
    return {
        key: {
            "mean": float(np.mean([row[key] for row in rows])),
            "std": float(np.std([row[key] for row in rows])),
            "seeds": [row[key] for row in rows],
        }
        for key in rows[0]
    }
