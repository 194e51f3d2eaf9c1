"""A server process as a user starts it, over a registry in a temporary home."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from benchmarks.serving.served_versions import MODEL
from deploy.roles import SERVER

_POLL_SECONDS = 0.005
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


class ServerUnderTest:
    """Starts with the block and ends with it; ``cold_start_seconds`` is from the start to the first answer."""

    def __init__(self, home: Path, image: bytes, registry_poll_seconds: float) -> None:
        self._home = home
        self._image = image
        self._poll = registry_poll_seconds
        self.cold_start_seconds = 0.0

    def __enter__(self) -> Self:
        address_file = self._home / "address.json"
        address_file.unlink(missing_ok=True)
        flags = ["--home", str(self._home), "--port", "0", "--address-file", str(address_file), "--model", MODEL]
        command = [sys.executable, "-m", SERVER.module, *flags, "--set", f"deploy.poll_seconds={self._poll}"]
        started = time.perf_counter()
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not address_file.exists():
            self._check(started)
        self.address = str(json.loads(address_file.read_bytes())["address"])
        self._client = httpx.Client(base_url=self.address, timeout=_START_SECONDS, trust_env=False)
        while self._ask().status_code != httpx.codes.OK:
            self._check(started)
        self.cold_start_seconds = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        finally:
            self._process.kill()

    def version(self) -> int:
        """Return the version that answers now."""
        return int(self._ask().raise_for_status().json()["model_version"])

    def swaps(self) -> int:
        """Return the server's own count of swaps."""
        lines = self._client.get("/metrics").text.splitlines()
        return int(float(next(line for line in lines if line.startswith("r2r_server_swaps_total")).split()[-1]))

    def _ask(self) -> httpx.Response:
        headers = {"content-type": "image/jpeg"}
        return self._client.post(f"/v2/models/{MODEL}/infer", content=self._image, headers=headers)

    def _check(self, started: float) -> None:
        if self._process.poll() is not None or time.perf_counter() - started > _START_SECONDS:
            message = f"the server did not start within {_START_SECONDS} s (exit code {self._process.poll()})"
            raise RuntimeError(message)
        time.sleep(_POLL_SECONDS)
