"""Freed memory is kept for the next micro-task, where glibc would return it to the system and ask for it again.

Scoring 64 frames takes and frees 48 MB. Whether glibc's heap shrinks in between depends on what happens to lie at its
end; where it does, 12,000 page faults cost as much time as the arithmetic (30 ms of 60, measured).
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST_KEPT_BYTES = 256 * 1024**2
_LARGEST_FROM_THE_HEAP_BYTES = 32 * 1024**2  # glibc's own limit; what is larger goes back at once


def keep_freed_memory() -> None:
    """Let the allocator keep at most 256 MiB that are free; without glibc nothing changes. No result depends on it."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_FROM_THE_HEAP_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT_BYTES)
