"""A bar for each part of the training, on a terminal alone."""

from collections.abc import Iterable

from tqdm import tqdm


def progress(steps: int, what: str) -> Iterable[int]:
    """Count from 0 to ``steps`` - 1."""
    return tqdm(range(steps), desc=what, unit=" steps", disable=None)
