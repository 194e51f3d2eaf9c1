"""One `r2r up` for each home: a lock that ends with its process, however that ends."""

import fcntl
import os
from types import TracebackType
from typing import Self

from deploy.host.errors import SystemRunning
from stream.process.home import Home


class OneSystem:
    """Hold the home's lock for as long as the context is open.

    Raises
    ------
    SystemRunning
        Another process holds it.
    """

    def __init__(self, home: Home) -> None:
        home.root.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(home.root / "up.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 32).decode().strip() or "unknown"
            os.close(self._descriptor)
            raise SystemRunning(str(home.root), holder) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
