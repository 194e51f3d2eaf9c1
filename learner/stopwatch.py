"""Seconds that add up, for metrics alone: no result depends on them."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Stopwatch:
    """Runs inside its ``with`` blocks.

    Examples
    --------
    >>> times = iter([10.0, 10.5, 20.0, 20.25])
    >>> stopwatch = Stopwatch(lambda: next(times))
    >>> with stopwatch:
    ...     pass
    >>> with stopwatch:
    ...     pass
    >>> stopwatch.seconds
    0.75
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started = 0.0
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._started = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds += self._clock() - self._started

    def add(self, seconds: float) -> None:
        """Count seconds that were taken elsewhere."""
        self.seconds += seconds
