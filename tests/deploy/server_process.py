"""A real server process on a free port, ended by its pid."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from deploy.roles import SERVER
from tests.wait import PATIENCE_SECONDS, wait_until


class ServerProcess:
    """``r2r serve`` over the registry of ``home``; leaves nothing behind when the block ends."""

    def __init__(self, home: Path, *flags: str) -> None:
        self.home = home
        self._address_file = home / f"address-{os.urandom(4).hex()}.json"
        command = [sys.executable, "-m", SERVER.module, "--home", str(home), "--address-file"]
        self.process = subprocess.Popen(
            [*command, str(self._address_file), "--port", "0", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        wait_until(lambda: self._address_file.exists() or self.process.poll() is not None)
        assert self._address_file.exists(), self.process.communicate()[1]
        self.address = str(json.loads(self._address_file.read_bytes())["address"])
        self.client = httpx.Client(base_url=self.address, timeout=PATIENCE_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_until_serving(self, model: str, version: int) -> None:
        wait_until(lambda: self.version_serving(model) == version)

    def version_serving(self, model: str) -> int | None:
        index = self.client.post("/v2/repository/index").json()
        return next((int(row["version"]) for row in index if row["name"] == model and row["state"] == "READY"), None)

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)
