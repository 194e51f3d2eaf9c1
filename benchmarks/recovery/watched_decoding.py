"""Worker processes that decode damaged images, and a watchdog over each: whom a file kills or stops is counted."""

import json
import os
import select
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.recovery.mutated_images import DECODED, REASONS, Told
from deploy.status.running_system import resident_bytes

_LOOK_SECONDS = 0.25
_READ_BYTES = 65536

Command = Callable[[int, int, int], Sequence[str]]
"""From first file, stride and end to the worker's command."""


@dataclass(frozen=True)
class Patience:
    """How long a worker may be silent over one file before it counts as hung.

    Parameters
    ----------
    processor_seconds
        Of its own: what others take on a busy machine is not held against it.
    wall_seconds
        However it spends them; its start is allowed them too.
    """

    processor_seconds: float = 5.0
    wall_seconds: float = 60.0


_PATIENCE = Patience()


@dataclass
class Decoded:
    """What became of a worker's share.

    Parameters
    ----------
    outcomes
        Files by outcome.
    killers, stoppers
        Numbers of the files on which the worker died, or hung.
    resident_bytes
        Of the worker, once a file was answered for; empty where the system does not tell.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    passed_header: int = 0
    killers: list[int] = field(default_factory=list)
    stoppers: list[int] = field(default_factory=list)
    resident_bytes: list[int] = field(default_factory=list)

    @property
    def files(self) -> int:
        """How many were tried."""
        return self.outcomes.total() + len(self.killers) + len(self.stoppers)

    @property
    def escaped(self) -> dict[str, int]:
        """Errors that are no refusal with a documented reason, by name."""
        return {name: count for name, count in self.outcomes.items() if name not in (DECODED, *REASONS)}

    def note(self, told: Told, resident: int | None) -> None:
        """Count one answer."""
        self.outcomes[told.outcome] += 1
        self.passed_header += told.passed_header
        if resident is not None:
            self.resident_bytes.append(resident)

    def memory_bytes(self) -> tuple[int, int] | None:
        """Return what the worker held at a tenth of its files and at the end: medians over a twentieth of them."""
        span = len(self.resident_bytes) // 20
        if span == 0:
            return None
        return int(median(self.resident_bytes[span : 2 * span])), int(median(self.resident_bytes[-span:]))


def decode_all(files: int, workers: int, command: Command, patience: Patience = _PATIENCE) -> list[Decoded]:
    """Have ``workers`` processes decode files 0 to ``files``; return what became of each one's share."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda first: _share(first, workers, files, command, patience), range(workers)))


def _share(first: int, stride: int, end: int, command: Command, patience: Patience) -> Decoded:
    """Decode a share; after a file that ended its worker another worker goes on behind it."""
    decoded = Decoded()
    number = first
    while number < end:
        with _Worker(command(number, stride, end)) as worker:
            while number < end and (line := worker.next_line(patience)):
                decoded.note(Told(**json.loads(line)), worker.resident_bytes())
                number += stride
        if number < end:
            (decoded.stoppers if line is None else decoded.killers).append(number)
            number += stride
    return decoded


class _Worker:
    """A process whose lines are waited for, never longer than allowed; killed when the block ends."""

    def __init__(self, command: Sequence[str]) -> None:
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root)
        self._read = b""

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def resident_bytes(self) -> int | None:
        return resident_bytes(self._process.pid)

    def next_line(self, patience: Patience) -> bytes | None:
        """Return a line, nothing if the process has ended, or None if it hangs."""
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101  for the type checker: it was asked for
        silent_since, spent_before = time.monotonic(), processor_seconds(self._process.pid)
        while b"\n" not in self._read:
            if select.select([pipe], [], [], min(_LOOK_SECONDS, patience.wall_seconds))[0]:
                piece = os.read(pipe.fileno(), _READ_BYTES)
                if not piece:
                    return b""
                self._read += piece
                continue
            spent = processor_seconds(self._process.pid) - spent_before
            if spent > patience.processor_seconds or time.monotonic() - silent_since > patience.wall_seconds:
                return None
        line, _, self._read = self._read.partition(b"\n")
        return line


def processor_seconds(pid: int) -> float:
    """Return what a process has computed; 0 where the system does not tell (only Linux does)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
