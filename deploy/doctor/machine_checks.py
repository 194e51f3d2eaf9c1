"""What the machine has left: memory, disk, ports."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.doctor.finding import Finding, error, ok, warning
from deploy.roles import RoleProcess
from deploy.status.disk_usage import readable_bytes
from stream.process.ports import listens
from stream.process.settings import StreamSettings

_SYSTEM_BYTES = 3 * 1024**3  # learner 1.0, publisher 0.9, Kafka 0.4, evaluator, server and worker 0.2 each
_SPARE_BYTES = 256 * 1024**2
_LEAST_DISK_BYTES = 1024**3
_MEMINFO = Path("/proc/meminfo")


def available_memory_bytes(meminfo: Path = _MEMINFO) -> int | None:
    """Return what may still be used without swapping; None where the system does not report it (only Linux does)."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def check_memory(available_bytes: int | None, *, running: bool) -> Finding:
    """Check that there is room for all roles, or, where they run, some to spare."""
    if available_bytes is None:
        return ok("memory", "this system does not report it")
    needed = _SPARE_BYTES if running else _SYSTEM_BYTES
    message = f"{readable_bytes(available_bytes)} available"
    if available_bytes < needed:
        what = "the roles that run may be killed" if running else f"all roles need about {readable_bytes(needed)}"
        return warning("memory", f"{message}: {what}", "end other programs, or start fewer roles")
    return ok("memory", message)


def check_disk(home: Path, streaming: StreamSettings, *, embedded: bool) -> Finding:
    """Check that what is kept fits below the home."""
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    message = f"{readable_bytes(free)} free below {home}"
    if free < _LEAST_DISK_BYTES:
        return error("disk", message, "free some, or choose another folder with --home")
    kept = streaming.frames_retention_bytes * streaming.frame_partitions
    if embedded and free < kept:
        remedy = "lower stream.frames_retention_bytes, or choose another folder with --home"
        return warning(
            "disk", f"{message}, and {streaming.topic_prefix}.frames may keep {readable_bytes(kept)}", remedy
        )
    return ok("disk", message)


def check_ports(
    wanted: Sequence[RoleProcess], ours: frozenset[int], is_taken: Callable[[str, int], bool] = listens
) -> Finding:
    """Check that the ports are free, or held by the system that runs in this home.

    Parameters
    ----------
    wanted
        The processes that take them.
    ours
        Ports of the system that runs.
    """
    taken = {one.name: one.port for one in wanted if one.port not in ours and is_taken(one.host, one.port)}
    if taken:
        message = ", ".join(f"{port} ({name})" for name, port in taken.items())
        remedy = "free them, or choose others: --set deploy.port=N, --set deploy.first_metrics_port=N"
        return error("ports", f"another program listens on {message}", remedy)
    state = "free, or held by the system that runs" if ours else "free"
    return ok("ports", f"{', '.join(str(one.port) for one in wanted)} are {state}")
