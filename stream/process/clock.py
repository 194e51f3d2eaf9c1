"""The wall clock: the one place that reads it in milliseconds."""

import time


def now_ms() -> int:
    """Return Unix milliseconds."""
    return time.time_ns() // 1_000_000
