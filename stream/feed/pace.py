"""At what rate frames are sent: evenly, against a monotonic clock."""

from collections.abc import Callable


class Pace:
    """Frame n is due n / ``frames_per_second`` after the first; a delay is made up, so that the mean rate holds.

    Parameters
    ----------
    frames_per_second
        0 for as fast as possible.
    clock
        Monotonic seconds.
    wait
        Waits so many seconds, or less if the role is told to stop.
    """

    def __init__(self, frames_per_second: float, clock: Callable[[], float], wait: Callable[[float], object]) -> None:
        self._seconds_per_frame = 1 / frames_per_second if frames_per_second else 0.0
        self._clock = clock
        self._wait = wait
        self._started_at = clock()

    def wait_until_due(self, number: int) -> None:
        """Wait until frame ``number`` (counted from 0) may be sent."""
        delay = self._started_at + number * self._seconds_per_frame - self._clock()
        if self._seconds_per_frame and delay > 0:
            self._wait(delay)
