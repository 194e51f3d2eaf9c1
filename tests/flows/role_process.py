"""A real process of a role, ended by its pid."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from deploy.roles import RoleEntry
from tests.wait import PATIENCE_SECONDS


class RealProcess:
    """A process of ``role`` with these flags; leaves nothing behind when the block ends."""

    def __init__(self, role: RoleEntry, flags: Sequence[str], faults: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", role.module, *flags],
            env={**os.environ, "R2R_TEST_FAULTS": faults},
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ended(self) -> tuple[int, str]:
        """Wait until it ends by itself; return its exit code and what it wrote to stderr."""
        _, told = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, told

    def stopped(self) -> tuple[int, str]:
        """Send SIGTERM, and return as `ended`."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()
