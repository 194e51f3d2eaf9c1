"""The server as a process: swaps under load, kill -9, SIGTERM, taken ports."""

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest

from deploy.registry.versions import Registry
from deploy.roles import SERVER
from stream.image_codec import encode_jpeg
from tests.deploy.published import publish
from tests.deploy.server_process import ServerProcess
from tests.wait import PATIENCE_SECONDS, wait_until

JPEG = encode_jpeg(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8), quality=90)
INFER = "/v2/models/digits/infer"
IMAGE = {"content-type": "image/jpeg"}
SWAPS = 40
CLIENTS = 4


def _head(body_bytes: int) -> bytes:
    lines = [f"POST {INFER} HTTP/1.1", "Host: x", "Content-Type: image/jpeg", f"Content-Length: {body_bytes}", "", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(str(tmp_path / "registry"))


def test_before_the_first_version_it_is_live_not_ready_and_says_so(tmp_path: Path, registry: Registry) -> None:
    with ServerProcess(tmp_path) as server:
        assert server.client.get("/v2/health/live").status_code == 200
        assert server.client.get("/v2/health/ready").status_code == 503
        early = server.client.post(INFER, content=JPEG, headers=IMAGE)
        assert early.status_code == 503
        assert early.headers["retry-after"] == "1"
        assert "no version yet" in early.json()["error"]
        publish(registry, "digits", 1)
        wait_until(lambda: server.client.get("/v2/health/ready").status_code == 200)
        assert server.client.post(INFER, content=JPEG, headers=IMAGE).json()["model_version"] == "1"


class Hammer:
    """Clients that ask without a pause; every answer is kept by version, every failure in words."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stopping = threading.Event()
        self.versions: list[int] = []
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> "Hammer":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._address, timeout=PATIENCE_SECONDS) as client:
            while not self._stopping.is_set():
                try:
                    answer = client.post(INFER, content=JPEG, headers=IMAGE).raise_for_status().json()
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                version = int(answer["model_version"])
                name = next(output["data"][0] for output in answer["outputs"] if output["name"] == "name")
                if not name.startswith(f"v{version}-"):
                    self.failures.append(f"version {version} answered {name}")
                self.versions.append(version)


def test_no_request_fails_while_versions_are_swapped_under_load(tmp_path: Path, registry: Registry) -> None:
    publish(registry, "digits", 1)
    with ServerProcess(tmp_path, "--set", "deploy.poll_seconds=0.01") as server:
        server.wait_until_serving("digits", 1)
        with Hammer(server.address) as hammer:
            for version in range(2, SWAPS + 2):
                publish(registry, "digits", version)
                wait_until(lambda newest=version: newest in hammer.versions[-20:])
    assert hammer.failures == []
    assert set(hammer.versions) >= set(range(2, SWAPS + 2))


def test_killed_and_started_again_it_answers_with_the_newest_version(tmp_path: Path, registry: Registry) -> None:
    publish(registry, "digits", 1)
    with ServerProcess(tmp_path) as server:
        server.wait_until_serving("digits", 1)
        server.process.send_signal(signal.SIGKILL)
        assert server.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        port = str(httpx.URL(server.address).port)
    publish(registry, "digits", 2)
    with ServerProcess(tmp_path, "--port", port) as again:  # it has loaded the version before it says where it is
        assert again.client.post(INFER, content=JPEG, headers=IMAGE).json()["model_version"] == "2"


def test_sigterm_lets_a_request_in_flight_finish_and_exits_0(tmp_path: Path, registry: Registry) -> None:
    publish(registry, "digits", 1)
    with ServerProcess(tmp_path) as server:
        server.wait_until_serving("digits", 1)
        url = httpx.URL(server.address)
        with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_SECONDS) as slow:
            head = (
                f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(JPEG)}\r\n\r\n"
            )
            slow.sendall(head.encode() + JPEG[:10])
            wait_until(lambda: "r2r_server_requests_in_flight 1.0" in server.client.get("/metrics").text)
            server.process.send_signal(signal.SIGTERM)
            log = tmp_path / "logs/server.log"
            wait_until(lambda: "Shutting down" in log.read_text())
            slow.sendall(JPEG[10:])
            answer = b""
            while chunk := slow.recv(65536):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 200")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["model_version"] == "1"
        assert server.process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_on_a_signal_it_exits_0_and_leaves_the_port(tmp_path: Path, number: signal.Signals) -> None:
    with ServerProcess(tmp_path) as server:
        server.process.send_signal(number)
        assert server.process.wait(PATIENCE_SECONDS) == 0
        url = httpx.URL(server.address)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_SECONDS)


def _run(home: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", SERVER.module, "--home", str(home), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _run(tmp_path, "--port", str(port))
    assert done.returncode == 1
    assert f"server: the address 127.0.0.1:{port} is taken; free it or choose another" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (("--set", "deploy.prot=8080"), "did you mean 'port'"),
        (("--set", "deploy.port=-1"), "deploy.port = '-1' is not allowed"),
        (("--set", "deploy.host=192.0.2.1", "--port", "0"), "cannot be listened on"),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, flags: tuple[str, ...], cause: str) -> None:
    done = _run(tmp_path, *flags)
    assert done.returncode == 1
    assert cause in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_more_requests_than_are_admitted_are_refused_for_now(tmp_path: Path, registry: Registry) -> None:
    publish(registry, "digits", 1)
    with ServerProcess(tmp_path, "--set", "deploy.max_in_flight_requests=1") as server:
        server.wait_until_serving("digits", 1)
        url = httpx.URL(server.address)
        with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_SECONDS) as held:
            held.sendall(_head(100))
            wait_until(lambda: "r2r_server_requests_in_flight 1.0" in server.client.get("/metrics").text)
            refused = server.client.post(INFER, content=JPEG, headers=IMAGE)
            assert refused.status_code == 503
            assert "1 requests are being answered, the most admitted" in refused.json()["error"]
        wait_until(lambda: "r2r_server_requests_in_flight 0.0" in server.client.get("/metrics").text)
        assert server.client.post(INFER, content=JPEG, headers=IMAGE).status_code == 200
