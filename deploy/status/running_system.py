"""The system that `r2r up` runs in a home, as its ``run.json`` says."""

import os
from dataclasses import dataclass
from pathlib import Path

from stream.process.home import Home, is_alive, read_run_file


@dataclass(frozen=True)
class RunningRole:
    """One process; ``address`` is empty where it answers nowhere."""

    name: str
    pid: int
    address: str
    alive: bool


@dataclass(frozen=True)
class RunningSystem:
    """One `r2r up`."""

    model: str
    bootstrap_servers: str
    started_at_ms: int
    roles: tuple[RunningRole, ...]
    """In the order in which they were started, the supervisor and Kafka first."""

    def address(self, role: str) -> str:
        """Return where a role answers; empty where there is none."""
        return next((found.address for found in self.roles if found.name == role), "")


def find_running_system(home: Home) -> RunningSystem | None:
    """Return the system that runs in ``home``; None where none does, also where its supervisor was killed."""
    entries = read_run_file(home)
    up = entries.get("up", {})
    if not (up and is_alive(int(up["pid"]))):
        return None
    roles = tuple(
        RunningRole(name, int(entry["pid"]), str(entry["address"]), is_alive(int(entry["pid"])))
        for name, entry in entries.items()
    )
    return RunningSystem(str(up["model"]), str(up["bootstrap_servers"]), int(up["started_at_ms"]), roles)


def left_over_roles(home: Home) -> list[str]:
    """Name the processes of a home's last system that still run, its supervisor killed.

    A number that another program has by now is passed over where the system reports a process's command (Linux).
    """
    entries = {name: int(entry["pid"]) for name, entry in read_run_file(home).items()}
    return [name for name, pid in entries.items() if pid != os.getpid() and is_alive(pid) and _is_of(home, pid)]


def _is_of(home: Home, pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self/cmdline").exists()
    return str(home.root).encode() in command


def resident_bytes(pid: int) -> int | None:
    """Return what a process has in memory; None where it has ended, or where the system is not Linux."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
