"""How long to wait before the next try: doubling, bounded, spread by a seeded draw, given up after a deadline."""

import random
from collections.abc import Callable

_LONGEST_SECONDS = 30.0


class Backoff:
    """Waits that double up to 30 seconds, each shortened by up to half, so that many clients do not come back at once.

    Parameters
    ----------
    first_seconds
        The longest that the first wait may be.
    give_up_seconds
        How long after the first failure in a row no further try is made.
    clock
        Monotonic seconds.
    """

    def __init__(self, first_seconds: float, give_up_seconds: float, seed: int, clock: Callable[[], float]) -> None:
        self._first_seconds = first_seconds
        self._give_up_seconds = give_up_seconds
        self._random = random.Random(seed)  # noqa: S311  spreads tries over time, guards nothing
        self._clock = clock
        self._tries = 0
        self._failed_at = 0.0

    def next_wait(self) -> float | None:
        """Note a failure and return the seconds to wait before the next try; None once it is given up.

        Examples
        --------
        >>> waits = Backoff(first_seconds=0.5, give_up_seconds=60, seed=0, clock=lambda: 0.0)
        >>> [0.25 * 2**n <= waits.next_wait() <= 0.5 * 2**n for n in range(6)]
        [True, True, True, True, True, True]
        """
        now = self._clock()
        if self._tries == 0:
            self._failed_at = now
        left = self._failed_at + self._give_up_seconds - now
        if left <= 0:
            return None
        longest = min(_LONGEST_SECONDS, self._first_seconds * float(1 << min(self._tries, 10)))
        self._tries += 1
        return min(left, longest * (1 - self._random.random() / 2))

    def reset(self) -> None:
        """Note a success."""
        self._tries = 0
