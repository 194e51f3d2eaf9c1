"""The one place where a test waits."""

import time
from collections.abc import Callable


def wait_until(predicate: Callable[[], object], deadline: float = 10.0, what: str = "the condition") -> None:
    """Return once ``predicate`` holds; fail after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while not predicate():
        if time.monotonic() > end:
            message = f"{what} did not come true within {deadline:g} s"
            raise AssertionError(message)
        time.sleep(0.01)
