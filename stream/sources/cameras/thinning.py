"""Which pictures of a camera are kept, by the time at which they were taken."""


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
