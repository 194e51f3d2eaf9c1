"""Roles as real processes, each killed with SIGKILL as often as planned and started again at once, as by `r2r up`."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

AT_RANDOM = "at_random"
_NAMED_SECONDS = 60.0  # a phase that is not reached by then is tried again in a later life
_STOP_SECONDS = 120.0


@dataclass(frozen=True)
class Death:
    """How one life of a role is to end.

    Parameters
    ----------
    phase
        A point at which the role itself dies (`stream.process.faults`), or ``at_random``.
    visit
        At the point's so many-th visit.
    seconds
        Once it is up, where it is at random.
    """

    phase: str
    visit: int = 1
    seconds: float = 0.0

    @property
    def faults(self) -> str:
        """The role's ``R2R_TEST_FAULTS``."""
        return "" if self.phase == AT_RANDOM else f"kill={self.phase}@{self.visit}"

    @property
    def patience_seconds(self) -> float:
        """When it is killed from outside."""
        return self.seconds if self.phase == AT_RANDOM else _NAMED_SECONDS


@dataclass
class KilledRole:
    """One role through all its lives; the last one has no death planned.

    Parameters
    ----------
    command
        Of the next life.
    deaths
        In their order; one whose phase was not reached goes to the end again.
    next_work
        Called where a life has ended by itself with 0; false where it never should, or no more is to be done.
    is_up
        Asked from a life's start on; its time runs once this was true.
    kills
        By phase.
    """

    name: str
    command: Callable[[], Sequence[str]]
    deaths: deque[Death]
    home: Path
    next_work: Callable[[], bool] = lambda: False
    is_up: Callable[[], bool] = lambda: True
    kills: Counter[str] = field(default_factory=Counter)
    done: bool = False
    _death: Death | None = None
    _process: "subprocess.Popen[bytes] | None" = None
    _up_since: float | None = None

    @property
    def is_spared(self) -> bool:
        """Whether all planned deaths have come."""
        return not self.deaths and self._death is None

    @property
    def log_file(self) -> Path:
        """What all its lives print."""
        return self.home / f"{self.name}.out"

    def start(self) -> None:
        """Begin a life."""
        self._death = self.deaths.popleft() if self.deaths else None
        environment = {**os.environ, "R2R_TEST_FAULTS": self._death.faults if self._death else ""}
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.command()], env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        self._up_since = None

    def look(self) -> None:
        """Kill it if it is time, and start it again if it is dead.

        Raises
        ------
        RuntimeError
            It has ended by itself.
        """
        if self.done or self._process is None:
            return
        code = self._process.poll()
        if code is None and self._is_due():
            self._process.kill()
            if self._process.wait() == -signal.SIGKILL:  # else it was quicker, and the next look sees how it ended
                self._note(AT_RANDOM)
                self.start()
        elif code == -signal.SIGKILL and self._death is not None:
            self._note(self._death.phase)
            self.start()
        elif code == 0 and self._goes_on(self.next_work()):
            self.start()
        elif code is not None and not self.done:
            message = f"{self.name} ended by itself with code {code}: {self._last_words()}"
            raise RuntimeError(message)

    def stop(self) -> None:
        """Let it end in order.

        Raises
        ------
        RuntimeError
            It did not end with 0.
        """
        if self._process is None or self.done:
            return
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(_STOP_SECONDS) != 0:
            message = f"{self.name} ended with code {self._process.returncode}: {self._last_words()}"
            raise RuntimeError(message)
        self.done = True

    def close(self) -> None:
        """Leave no process behind; idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _is_due(self) -> bool:
        if self._death is None:
            return False
        if self._up_since is None and self.is_up():
            self._up_since = time.monotonic()
        return self._up_since is not None and time.monotonic() - self._up_since > self._death.patience_seconds

    def _note(self, phase: str) -> None:
        self.kills[phase] += 1
        if self._death is not None and phase != self._death.phase:
            self.deaths.append(self._death)
        self._death = None

    def _goes_on(self, more_work: bool) -> bool:
        """Keep a death that came too late for this life; say whether there is another one."""
        if self._death is not None:
            self.deaths.appendleft(self._death)
            self._death = None
        self.done = not more_work
        return more_work

    def _last_words(self) -> str:
        return (self.log_file.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]


def histogram(roles: Iterable[KilledRole]) -> list[str]:
    """Return a line for each phase of each role: its name, a bar, its kills."""
    counts = {f"{role.name}.{phase}": count for role in roles for phase, count in sorted(role.kills.items())}
    width = max(map(len, counts), default=0)
    return [f"{name:<{width}}  {'#' * count} {count}" for name, count in counts.items()]
