"""How the learner's process computes: its threads, and what becomes of memory that it frees."""

import ctypes

import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST_KEPT_BYTES = 256 * 1024**2
_LARGEST_FROM_THE_HEAP_BYTES = 32 * 1024**2  # glibc's own limit; what is larger goes back at once


def fix_threads(threads: int) -> None:
    """Make torch's arithmetic the same on every run: a fixed number of threads, deterministic kernels.

    What kernels are about to write is not filled with NaN before: that takes a tenth of the time of scoring, and
    results do not show it.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # of its module's class


def keep_freed_memory() -> None:
    """Let the allocator keep at most 256 MiB that are free, for the next micro-task; no result depends on it.

    Scoring 64 frames takes and frees 48 MB. Where glibc returns these to the system, 12,000 page faults cost as much
    time as the arithmetic (30 ms of 60, measured). Without glibc nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_FROM_THE_HEAP_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT_BYTES)
