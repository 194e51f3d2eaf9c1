"""Seeds that are derived, never drawn, so that an execution repeats them."""

import hashlib


def derived_seed(seed: int, number: int) -> int:
    """Return the seed of one task's draws, or of one thing that a task draws: 63 bits of sha256 of both numbers.

    Examples
    --------
    >>> derived_seed(0, 1) == derived_seed(0, 1) != derived_seed(0, 2)
    True
    """
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
