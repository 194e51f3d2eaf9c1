"""A lock between processes of this machine, which ends with its process, however that ends.

The learner holds one for each model, `r2r up` one for each home, a feed one for each folder's journal. Learners on
other machines are fenced by Kafka (`stream.kafka.transactions`); the lock refuses the second one here before it can
fence the first.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.process.errors import R2RError


class ProcessLock:
    """Hold an exclusive lock on the file ``path`` until it is closed; a context manager.

    Parameters
    ----------
    refused
        Makes the error to raise where another process holds the lock; it is given that process's id, as text.
    """

    def __init__(self, path: Path, refused: Callable[[str], R2RError]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 32).decode().strip() or "unknown"
            os.close(self._descriptor)
            raise refused(holder) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process have it; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
