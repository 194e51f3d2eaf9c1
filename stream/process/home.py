"""`R2R_HOME`: where a running system keeps its state, default ``./.r2r``."""

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stream.process.errors import StorageFull


@dataclass(frozen=True)
class Home:
    """The folders below the home: ``kafka/ checkpoints/ registry/ logs/ run.json``."""

    root: Path

    @property
    def kafka(self) -> Path:
        """The embedded broker's data and configuration."""
        return self.root / "kafka"

    @property
    def checkpoints(self) -> Path:
        """One folder for each model."""
        return self.root / "checkpoints"

    @property
    def registry(self) -> Path:
        """The registry's live and candidate roots."""
        return self.root / "registry"

    @property
    def logs(self) -> Path:
        """One file for each role."""
        return self.root / "logs"

    @property
    def run_file(self) -> Path:
        """Addresses and process ids of the running system, for ``status``, ``ask`` and ``feed``."""
        return self.root / "run.json"


def home_from_environment(environment: Mapping[str, str]) -> Home:
    """Return the home that ``R2R_HOME`` names, or ``./.r2r``."""
    return Home(Path(environment.get("R2R_HOME", ".r2r")).absolute())


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` so that a reader, or a crash, sees the old content or the new, never a part of it.

    Raises
    ------
    StorageFull
        No space is left; the old content stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        message = f"no space is left to write {path}, which stays as it was; free some and start again"
        raise StorageFull(message) from error
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_alive(pid: int) -> bool:
    """Say whether a process of this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def running_settings(home: Home) -> dict[str, dict[str, str]]:
    """Return the settings by which others find the system that `r2r up` runs in ``home``; empty where none runs."""
    up = read_run_file(home).get("up", {})
    if not (up and is_alive(int(up["pid"]))):
        return {}
    return {"stream": {key: str(up[key]) for key in ("bootstrap_servers", "topic_prefix")}}


def read_run_file(home: Home) -> dict[str, dict[str, str | int]]:
    """Return ``{role: {"pid": …, "address": …}}`` of the running system; empty where none was started.

    The role ``up`` is the supervisor, with its model and what `running_settings` tells.
    """
    try:
        return dict(json.loads(home.run_file.read_bytes()))
    except FileNotFoundError:
        return {}
