"""One learner for each model on this machine: a lock that ends with its process, however that ends.

Learners on other machines are fenced by Kafka (`stream.kafka.transactions`); this lock refuses the second one before
it can fence the first.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.process.errors import LearnerFenced


class Exclusive:
    """Hold an exclusive lock on ``path`` for as long as the context is open.

    Raises
    ------
    LearnerFenced
        Another process holds it.
    """

    def __init__(self, path: Path, model: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 32).decode().strip() or "unknown"
            os.close(self._descriptor)
            message = (
                f"a learner of model {model!r} is running already (process {holder}); "
                "stop it first, or choose another name with --model"
            )
            raise LearnerFenced(message) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
