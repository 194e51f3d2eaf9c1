"""A folder of image files as an unlabelled stream; can be broken off and started again, and can watch for new files."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stream.frame import Frame
from stream.process.errors import InvalidImage, SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources import LabelledFrame
from stream.sources.folders.folder_journal import FileState, FolderJournal
from stream.sources.folders.image_files import EncodedImage, image_paths, note_skipped, read_image_file

FILE_ORDERS = ("time", "name")
_LONGEST_PATH_IN_ID = 400
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class FolderOptions:
    """How a folder is read.

    Parameters
    ----------
    order
        ``time``: by modification time, then path; ``name``: by path.
    poll_seconds
        How often a watched folder is looked at; None for a folder that ends with the files it has.
    patience_seconds
        How long a watched file that cannot be read may stay unchanged until it counts as broken.
    """

    order: str = "time"
    poll_seconds: float | None = None
    patience_seconds: float = _PATIENCE_SECONDS


@dataclass(frozen=True)
class FolderAccount:
    """Where the files of a folder went that were looked at.

    Parameters
    ----------
    given
        Frames handed out, so that they can be sent.
    known
        Files that an earlier feed has delivered, at the first look.
    waiting
        Files that were found and not handed out.
    unread
        Files that could not be read and were left out.
    """

    given: int
    known: int
    waiting: int
    unread: int


class FolderSource:
    """The files of a folder, each once; see `stream.sources.FrameSource` for the contract.

    A file is known by its path, modification time and size: one that is written anew is a new frame. Its number stands
    in the journal before its frame is given. What was given and never `delivered` is given again under the same
    identity after a restart; only if its file has changed or gone meanwhile, its number stays unused.

    Parameters
    ----------
    stopping
        Ends the waiting of a watched folder.
    clock
        Monotonic seconds, for the patience with unreadable files.
    """

    def __init__(
        self,
        folder: Path,
        journal: FolderJournal,
        options: FolderOptions,
        settings: StreamSettings,
        stopping: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._options = options
        self._settings = settings
        self._stopping = stopping
        self._clock = clock
        self._again = deque(journal.pending())
        self._found: deque[FileState] = deque()
        self._scanned = False
        self._unreadable: dict[FileState, float] = {}
        self._given_below = 0
        self._position = 0
        self._known_below = journal.delivered_below
        self._known = 0
        self._unread = 0
        self._closed = False

    @property
    def position(self) -> int:
        """How many frames were given."""
        return self._position

    @property
    def account(self) -> FolderAccount:
        """Where the files went so far."""
        maybe_broken = {state for state in self._unreadable if not self._is_broken(state)}  # or still being written
        waiting = {state for state in maybe_broken | {*self._found} if not self._journal.knows(state)}
        return FolderAccount(self._position, self._known, len(self._again) + len(waiting), self._unread)

    def next_frames(self, limit: int) -> list[LabelledFrame]:
        """Return at most ``limit`` further frames; see `FrameSource`.

        Raises
        ------
        SourceUnavailable
            The folder cannot be listed, or the source was closed.
        StorageFull
            The journal cannot be written.
        """
        if self._closed:
            message = f"the folder {self._folder} was closed and cannot give frames; open it again"
            raise SourceUnavailable(message)
        frames = self._undelivered(limit)
        while not frames and not self._stopping.is_set():
            frames = self._new(limit)
            if self._options.poll_seconds is None:
                break
            if not frames:
                self._stopping.wait(self._options.poll_seconds)
        self._position += len(frames)
        return frames

    def delivered(self) -> None:
        """Note in the journal that all frames given so far have been acknowledged."""
        self._journal.deliver(self._given_below)

    def close(self) -> None:
        """Let go of the journal; may be called again."""
        self._closed = True
        self._journal.close()

    def _undelivered(self, limit: int) -> list[LabelledFrame]:
        frames: list[LabelledFrame] = []
        while self._again and len(frames) < limit:
            number, state = self._again.popleft()
            self._given_below = number + 1
            try:
                if _state_of(self._folder, state.path) != state:
                    message = f"{state.path} has changed or gone since it was sent; frame {number} is left out"
                    raise InvalidImage(message, reason="changed")
                frames.append(self._frame(number, state, read_image_file(self._folder / state.path, self._settings)))
            except InvalidImage as error:
                self._leave_out(state, error)
        return frames

    def _new(self, limit: int) -> list[LabelledFrame]:
        if not self._found and (not self._scanned or self._options.poll_seconds is not None):
            self._found = self._scan()
        whole: list[tuple[FileState, EncodedImage]] = []
        while self._found and len(whole) < limit:
            state = self._found.popleft()
            try:
                whole.append((state, read_image_file(self._folder / state.path, self._settings)))
            except InvalidImage as error:
                self._be_patient(state, error)
        if not whole:
            return []
        numbers = self._journal.number([state for state, _ in whole])
        self._given_below = numbers[-1] + 1
        return [self._frame(number, *item) for number, item in zip(numbers, whole, strict=True)]

    def _scan(self) -> deque[FileState]:
        """List the files that have no number and are not broken."""
        states = (_state_of(self._folder, path) for path in image_paths(self._folder))
        there = {state for state in states if state is not None}
        self._journal.forget(there)
        if not self._scanned:
            self._known = sum(self._journal.is_below(state, self._known_below) for state in there)
            self._scanned = True
        self._unreadable = {state: since for state, since in self._unreadable.items() if state in there}
        new = [state for state in there if not self._journal.knows(state) and not self._is_broken(state)]
        by_time = self._options.order == "time"
        return deque(sorted(new, key=lambda state: (state.mtime_ns if by_time else 0, state.path)))

    def _be_patient(self, state: FileState, error: InvalidImage) -> None:
        """Look again later at a file that may still be being written; leave it out once it has stayed as it is."""
        since = self._unreadable.setdefault(state, self._clock())
        watching = self._options.poll_seconds is not None
        if not watching or self._clock() - since >= self._options.patience_seconds:
            self._unreadable[state] = -1.0
            self._leave_out(state, error)

    def _leave_out(self, state: FileState, error: InvalidImage) -> None:
        self._unread += error.reason != "changed"  # what has become of it is looked at as another file
        note_skipped(state.path, error)

    def _is_broken(self, state: FileState) -> bool:
        return self._unreadable.get(state) == -1.0

    def _frame(self, number: int, state: FileState, image: EncodedImage) -> LabelledFrame:
        path = os.fsencode(state.path).decode("utf-8", "replace")[-_LONGEST_PATH_IN_ID:]
        time_ms = state.mtime_ns // 1_000_000
        frame = Frame(self._journal.stream, f"{number}:{path}", number, image.content_type, image.data, time_ms)
        return LabelledFrame(frame, None)


def _state_of(folder: Path, path: str) -> FileState | None:
    try:
        status = (folder / path).stat()
    except OSError:
        return None
    return FileState(path, status.st_mtime_ns, status.st_size)
