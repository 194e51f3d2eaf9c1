"""How much memory a process holds."""

import os
from pathlib import Path


def resident_bytes(pid: int) -> int | None:
    """Return what a process has in memory; None where it has ended, or the system does not tell (only Linux does)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
