"""At what rate frames are sent: evenly, against a monotonic clock; or kept, by the time at which they were taken."""

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


class Thinning:
    """Keeps at most ``frames_per_second`` of frames that come faster, evenly by their own time.

    After a pause, or where a clock was set back, it begins anew: what was not there is not made up.

    Parameters
    ----------
    frames_per_second
        0 to keep all.

    Examples
    --------
    >>> thinning = Thinning(10)
    >>> [thinning.keep(time_ms) for time_ms in range(0, 400, 40)]
    [True, False, False, True, False, True, False, False, True, False]
    """

    def __init__(self, frames_per_second: float) -> None:
        self._distance_ms = 1000 / frames_per_second if frames_per_second else 0.0
        self._due_ms: float | None = None

    def keep(self, time_ms: int) -> bool:
        """Say whether the frame taken at ``time_ms`` is kept."""
        if not self._distance_ms:
            return True
        if self._due_ms is None or abs(time_ms - self._due_ms) > self._distance_ms:
            self._due_ms = time_ms
        if time_ms < self._due_ms:
            return False
        self._due_ms += self._distance_ms
        return True
