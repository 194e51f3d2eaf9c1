"""All roles on one machine, each a process of its own; when the supervisor ends, however it ends, so do they."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from deploy.host.errors import RoleEnded
from stream.broker import dies_with_parent
from stream.process.home import Home, write_atomically

_STOP_SECONDS = 30.0
_MOST_RESTARTS = 5  # of all roles together: what is killed more often has a cause that a restart does not mend
_MOST_SPARE_RESTARTS = 100
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RoleCommand:
    """One role's process."""

    name: str
    """Unique among the running ones; names its log."""
    module: str
    """What ``python -m`` runs."""
    arguments: Sequence[str]
    """After the module's name."""
    address: str = ""
    """Where it answers, for ``run.json``; empty where it does not."""
    ends: bool = False
    """Whether it ends by itself once its work is done."""
    spare: bool = False
    """Whether the others go on without it: its failure is reported and ends nothing."""


class Supervisor:
    """Starts roles in order and stops them in reverse; a context manager.

    Each child has a session of its own, so that Ctrl-C reaches the supervisor alone, which then stops the children one
    by one. On Linux a child gets SIGTERM even if the supervisor is killed. A role that a signal killed is started
    again, five times in all; one that ended by itself gave its reason, and a restart would give the same. What is spare
    is started again a hundred times, and then given up.

    Parameters
    ----------
    facts
        Further entries of ``run.json``: the supervisor itself, and what it runs beside the roles.
    """

    def __init__(self, home: Home, facts: Mapping[str, Mapping[str, str | int]] | None = None) -> None:
        self._home = home
        self._facts = dict(facts or {})
        self._children: dict[str, tuple[RoleCommand, subprocess.Popen[bytes]]] = {}
        self._restarts = self._spare_restarts = 0
        self.given_up: dict[str, str] = {}
        """Spare roles that ended, with the last line of their output."""

    def start(self, command: RoleCommand) -> None:
        """Start a role; what it prints goes to ``logs/<name>.out``."""
        self._start(command, "wb")

    def is_running(self, name: str) -> bool:
        """Say whether a role that was started has not ended yet."""
        return name in self._children and self._children[name][1].poll() is None

    def check(self) -> None:
        """Start roles that were killed again.

        Raises
        ------
        RoleEnded
            A role has ended by itself though its work never ends, or with an error, or five were killed before it.
        """
        for name, (command, child) in list(self._children.items()):
            code = child.poll()
            if code is None or (code == 0 and command.ends) or name in self.given_up:
                continue
            if code < 0 and self._may_start_again(command):
                _log.warning("role=%s was killed by signal %d and is started again", name, -code)
                self._start(command, "ab")
                continue
            ended = RoleEnded(name, code, self._last_line(name), str(self._output(name)))
            if not command.spare:
                raise ended
            _log.error("%s; the others go on without it", ended)
            self.given_up[name] = str(ended)

    def stop(self, name: str) -> None:
        """Stop one role with SIGTERM, or with SIGKILL if that takes longer than 30 s; harmless where it ended."""
        _, child = self._children.pop(name)
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(_STOP_SECONDS)
        self._write_run_file()

    def close(self) -> None:
        """Stop every role, the last started first."""
        for name in reversed(list(self._children)):
            self.stop(name)
        self._home.run_file.unlink(missing_ok=True)

    def processes(self) -> Mapping[str, int]:
        """Return the running roles' process ids."""
        return {name: child.pid for name, (_, child) in self._children.items() if child.poll() is None}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _may_start_again(self, command: RoleCommand) -> bool:
        if command.spare:
            self._spare_restarts += 1
            return self._spare_restarts <= _MOST_SPARE_RESTARTS
        self._restarts += 1
        return self._restarts <= _MOST_RESTARTS

    def _start(self, command: RoleCommand, mode: Literal["wb", "ab"]) -> None:
        shim = [sys.executable, "-I", "-S", dies_with_parent.__file__, str(os.getpid())]
        run = [sys.executable, "-m", command.module, *command.arguments, "--home", str(self._home.root)]
        self._home.logs.mkdir(parents=True, exist_ok=True)
        with self._output(command.name).open(mode) as output:
            child = subprocess.Popen(  # noqa: S603  our own roles
                [*shim, *run],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[command.name] = (command, child)
        self._write_run_file()

    def _output(self, name: str) -> Path:
        return self._home.logs / f"{name}.out"

    def _last_line(self, name: str) -> str:
        lines = self._output(name).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def _write_run_file(self) -> None:
        running = {n: {"pid": child.pid, "address": command.address} for n, (command, child) in self._children.items()}
        write_atomically(self._home.run_file, json.dumps(self._facts | running, indent=1).encode())
