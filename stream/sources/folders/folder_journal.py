"""Which file of a folder is which frame, on disk before the frame is given: a feed that died goes on where it was.

JSON lines below the home's ``feeds``: a head, ``r2r.folder-journal/1.0`` with the stream's name, the next number and
how far all is delivered; then ``[number, path, mtime_ns, size]`` for each file that was given a number, and a bare
number n for "all below n are delivered". A torn last line was never acted on and is dropped.
"""

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stream.messages import wire_format
from stream.process.errors import InvalidMessage, SourceUnavailable, StorageFull
from stream.process.home import write_atomically
from stream.process.lock import ProcessLock

_LINES_BEFORE_REWRITING = 10_000


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was when it was looked at; written anew it is another."""

    path: str
    mtime_ns: int
    size_bytes: int


class FolderJournal:
    """The numbers of one stream's files; one process at a time may hold it.

    Parameters
    ----------
    new_stream
        The stream's name, if there is no journal yet; otherwise it keeps the one it began with.

    Raises
    ------
    SourceUnavailable
        Another feed holds it, or it cannot be read.
    """

    def __init__(self, file: Path, new_stream: str) -> None:
        self._file = file
        self._lock = ProcessLock(file.with_suffix(".lock"), partial(_running_already, file))
        self.stream = new_stream
        self._next = 0
        self._delivered = 0
        self._numbers: dict[FileState, int] = {}
        try:
            self._read()
            self._rewrite()
        except BaseException:
            self._lock.close()
            raise

    def pending(self) -> list[tuple[int, FileState]]:
        """Return what was numbered and is not known to be delivered, in order."""
        return sorted((number, state) for state, number in self._numbers.items() if number >= self._delivered)

    def knows(self, state: FileState) -> bool:
        """Say whether this file, unchanged, has a number."""
        return state in self._numbers

    @property
    def delivered_below(self) -> int:
        """The files of all numbers below this are known to be delivered."""
        return self._delivered

    def is_below(self, state: FileState, number: int) -> bool:
        """Say whether this file, unchanged, has a number below ``number``."""
        return self._numbers.get(state, number) < number

    def number(self, states: Sequence[FileState]) -> list[int]:
        """Give each file the next number; on disk when this returns.

        Raises
        ------
        StorageFull
            No space is left; nothing is numbered.
        """
        numbers = list(range(self._next, self._next + len(states)))
        self._append([_line(number, state) for number, state in zip(numbers, states, strict=True)], durable=True)
        self._numbers.update(zip(states, numbers, strict=True))
        self._next += len(states)
        return numbers

    def deliver(self, below: int) -> None:
        """Note that all files with a number below ``below`` are delivered; if this is lost, they are sent again."""
        self._delivered = max(self._delivered, below)
        self._append([self._delivered], durable=False)

    def forget(self, there: Collection[FileState]) -> None:
        """Once the journal has far more entries than the folder has files, forget delivered ones that are not there."""
        if self._lines <= _LINES_BEFORE_REWRITING + 2 * len(there):
            return
        self._numbers = {
            state: number for state, number in self._numbers.items() if number >= self._delivered or state in there
        }
        self._rewrite()

    def close(self) -> None:
        """Let another feed have it; may be called again."""
        self._lock.close()

    def _read(self) -> None:
        if not self._file.exists():
            return
        try:
            head, *lines = self._file.read_bytes().split(b"\n")[:-1]  # what follows the last line end is torn
            body = wire_format.from_bytes("folder-journal", "1.0", head)
            self.stream, self._next, self._delivered = str(body["stream"]), int(body["next"]), int(body["delivered"])
            for line in lines:
                self._take(json.loads(line))
        except (OSError, ValueError, KeyError, TypeError, InvalidMessage) as error:
            message = (
                f"the feed's journal {self._file} cannot be read ({error}); "
                "remove it to feed the folder as a new stream"
            )
            raise SourceUnavailable(message) from error

    def _take(self, entry: Any) -> None:
        if isinstance(entry, int):
            self._delivered = entry
            return
        number, path, mtime_ns, size = entry
        self._numbers[FileState(str(path), int(mtime_ns), int(size))] = int(number)
        self._next = int(number) + 1

    def _rewrite(self) -> None:
        head = {"stream": self.stream, "next": self._next, "delivered": self._delivered}
        lines = [_line(number, state) for state, number in self._numbers.items()]
        document = [wire_format.to_bytes("folder-journal", "1.0", head), *(json.dumps(line).encode() for line in lines)]
        write_atomically(self._file, b"".join(line + b"\n" for line in document))
        self._lines = len(lines)

    def _append(self, entries: Sequence[Any], durable: bool) -> None:
        try:
            with self._file.open("ab") as file:
                file.write(b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))
                file.flush()
                if durable:
                    os.fsync(file.fileno())
        except OSError as error:
            message = (
                f"the feed's journal {self._file} cannot be written ({error.strerror}); free space and start again"
            )
            raise StorageFull(message) from error
        self._lines += len(entries)


def _line(number: int, state: FileState) -> list[int | str]:
    return [number, state.path, state.mtime_ns, state.size_bytes]


def _running_already(file: Path, process: str) -> SourceUnavailable:
    message = (
        f"another feed of {file.stem!r} is running (process {process}); "
        "stop it first, or choose another name with --source-name"
    )
    return SourceUnavailable(message)
