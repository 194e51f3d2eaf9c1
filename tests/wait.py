"""The one place where a test waits, and that says for how long."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
"""How long a test waits for what must come. A wait that succeeds costs nothing, so its end is far beyond what a machine
takes that is ten times as busy as it should be; pytest's own timeout is farther still."""


def wait_until(
    predicate: Callable[[], object], deadline: float = PATIENCE_SECONDS, what: str = "the condition"
) -> None:
    """Return once ``predicate`` holds; fail after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while not predicate():
        if time.monotonic() > end:
            message = f"{what} did not come true within {deadline:g} s"
            raise AssertionError(message)
        time.sleep(0.01)
