"""A point in time until which something may wait."""

import time
from collections.abc import Callable


class Deadline:
    """``seconds`` from now on ``clock``.

    Examples
    --------
    >>> Deadline(5.0, clock=lambda: 100.0).remaining_seconds
    5.0
    >>> Deadline(0.0).expired
    True
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock() + seconds

    @property
    def remaining_seconds(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self._at - self._clock())

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.remaining_seconds <= 0
