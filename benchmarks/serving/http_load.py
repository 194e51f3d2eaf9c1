"""Clients that post one image after the other, in a process of their own: ``python -m benchmarks.serving.http_load``.

The last line on stdout is one JSON object: requests, failures, first failures in words, seconds, latencies, versions.
An answer is a failure too if its name was not given by the version that it says it comes from.
"""

import argparse
import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlparse

import numpy as np
import uvloop

_ANSWER = re.compile(rb'"model_version":"(\d+)".*?"name":"name","datatype":"BYTES","shape":\[1\],"data":\["v(\d+)-')
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_FAILURES_SHOWN = 5
_PATIENCE_SECONDS = 60.0
"""How long the last answers may take."""


class Load:
    """What all clients share: the request, when to end, and what was seen."""

    def __init__(self, requests: Sequence[bytes], ends_at: float) -> None:
        self.requests = requests
        self.ends_at = ends_at
        self.latencies_seconds: list[float] = []
        self.versions: set[int] = set()
        self.failures: list[str] = []

    def end(self) -> None:
        """Ask no more; what is under way is still answered."""
        self.ends_at = 0.0

    def note(self, latency_seconds: float, status_line: bytes, body: bytes) -> None:
        """Judge one answer."""
        self.latencies_seconds.append(latency_seconds)
        found = _ANSWER.search(body)
        if b" 200 " not in status_line or found is None:
            self.failures.append(f"{status_line!r} {body[:200]!r}")
        elif found[1] != found[2]:
            self.failures.append(f"version {found[1]!r} answered with the names of {found[2]!r}")
        else:
            self.versions.add(int(found[1]))


class Client(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self, load: Load, number: int) -> None:
        self._load = load
        self._number = number
        self._received = b""
        self._sent_at = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer; with the last part ask again."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        now = time.perf_counter()
        self._load.note(now - self._sent_at, head.split(b"\r\n", 1)[0], body)
        self._received = b""
        if now < self._load.ends_at:
            self._ask()
        else:
            self._finish()
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that the server closed on a request."""
        if not self.done.done():
            self._load.failures.append(f"the connection was lost: {exc!r}")
            self._finish()

    def _ask(self) -> None:
        self._number += 1
        self._sent_at = time.perf_counter()
        self._transport.write(self._load.requests[self._number % len(self._load.requests)])

    def _finish(self) -> None:
        self.done.set_result(None)


async def hammer(address: str, requests: Sequence[bytes], connections: int, seconds: float) -> dict[str, object]:
    """Post for ``seconds``, or until SIGTERM, over ``connections`` connections; return what was seen."""
    url = urlparse(address)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    load = Load(requests, started + seconds)
    loop.add_signal_handler(signal.SIGTERM, load.end)
    clients = [Client(load, number) for number in range(connections)]
    for client in clients:
        await loop.create_connection(partial(_itself, client), url.hostname or "127.0.0.1", url.port or 0)
    async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
        await asyncio.gather(*(client.done for client in clients))
    elapsed = time.perf_counter() - started
    latencies = np.array(load.latencies_seconds or [0.0]) * 1000
    return {
        "requests": len(load.latencies_seconds),
        "failed": len(load.failures),
        "failures": load.failures[:_FAILURES_SHOWN],
        "requests_per_second": len(load.latencies_seconds) / elapsed,
        "p50_ms": float(np.percentile(latencies, 50)),
        "p99_ms": float(np.percentile(latencies, 99)),
        "versions": len(load.versions),
    }


def _itself(client: Client) -> Client:
    return client


def request(model: str, image: bytes) -> bytes:
    """Return the bytes of one POST of a JPEG."""
    head = f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: bench\r\nContent-Type: image/jpeg\r\n"
    return f"{head}Content-Length: {len(image)}\r\n\r\n".encode() + image


def main() -> None:
    """Hammer a server as the flags say."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--address", required=True)
    flags.add_argument("--model", required=True)
    flags.add_argument("--images", type=Path, required=True, help="a folder of JPEG files")
    flags.add_argument("--connections", type=int, required=True)
    flags.add_argument("--seconds", type=float, required=True)
    chosen = flags.parse_args()
    requests = [request(chosen.model, path.read_bytes()) for path in sorted(chosen.images.glob("*.jpg"))]
    seen = uvloop.run(hammer(chosen.address, requests, chosen.connections, chosen.seconds))
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
