"""What a client sees: the protocol's routes, and a sentence for everything that cannot be answered."""

import json
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from deploy.registry.served_contract import OUTPUT_NAMES
from deploy.registry.versions import Registry
from deploy.serving.http_api import status_of
from stream.image_codec import decode_image, encode_jpeg, encode_png
from tests.deploy.published import publish
from tests.deploy.server_process import ServerProcess
from tests.wait import PATIENCE_SECONDS, wait_until

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
JPEG = encode_jpeg(PIXELS, quality=90)
PNG = encode_png(PIXELS)
INFER = "/v2/models/digits/infer"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    registry = Registry(str(home / "registry"))
    for version in (1, 2):
        publish(registry, "digits", version)
    publish(registry, "digits", 3, b"no graph")
    with ServerProcess(
        home, "--set", "deploy.max_body_bytes=100000", "--set", "deploy.body_timeout_seconds=0.5"
    ) as one:
        one.wait_until_serving("digits", 2)
        yield one


@pytest.fixture
def client(server: ServerProcess) -> httpx.Client:
    return server.client


def _outputs(response: httpx.Response) -> dict[str, list[object]]:
    assert response.status_code == 200, response.text
    return {output["name"]: output["data"] for output in response.json()["outputs"]}


def _error(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    message = str(response.json()["error"])
    assert "Traceback" not in message
    assert "\n" not in message
    return message


def _post(client: httpx.Client, body: bytes, media: str, path: str = INFER) -> httpx.Response:
    return client.post(path, content=body, headers={"content-type": media})


def test_health(client: httpx.Client) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_server_metadata(client: httpx.Client, path: str) -> None:
    body = client.get(path).json()
    assert body["name"] == "r2r"
    assert set(body) == {"name", "version", "extensions"}


def test_models_metadata_and_the_repository_index(client: httpx.Client) -> None:
    assert client.get("/v2/models").json() == {"models": ["digits"]}
    body = client.get("/v2/models/digits").json()
    assert body["name"] == "digits"
    assert body["platform"] == "onnxruntime_onnx"
    assert body["versions"] == ["1", "2", "3"]
    assert [output["name"] for output in body["outputs"]] == list(OUTPUT_NAMES)
    assert client.get("/v2/models/digits/versions/1").json()["name"] == "digits"
    assert client.get("/v2/models/digits/ready").json() == {"name": "digits", "ready": True}
    index = client.post("/v2/repository/index").json()
    assert [(row["version"], row["state"]) for row in index] == [
        ("1", "UNAVAILABLE"),
        ("2", "READY"),
        ("3", "UNAVAILABLE"),
    ]


@pytest.mark.parametrize(("body", "media"), [(JPEG, "image/jpeg"), (PNG, "image/png"), (JPEG, "IMAGE/JPEG; q=1")])
def test_an_image_body_is_a_batch_of_one(client: httpx.Client, body: bytes, media: str) -> None:
    response = _post(client, body, media, f"{INFER}?id=17")
    outputs = _outputs(response)
    assert list(outputs) == list(OUTPUT_NAMES)
    assert response.json()["id"] == "17"
    assert response.json()["model_version"] == "2"
    assert str(outputs["name"][0]).startswith("v2-")


def test_an_image_and_its_pixels_as_json_get_the_same_answer(client: httpx.Client) -> None:
    pixels = decode_image(PNG, max_bytes=len(PNG), max_pixels=PIXELS.size)
    tensor = {"name": "images", "shape": [1, *pixels.shape], "datatype": "UINT8", "data": pixels.ravel().tolist()}
    as_json = client.post(INFER, json={"id": "a", "inputs": [tensor]})
    assert as_json.json()["id"] == "a"
    assert _outputs(as_json) == _outputs(_post(client, PNG, "image/png"))


def test_only_the_outputs_asked_for_are_answered(client: httpx.Client) -> None:
    tensor = {"name": "images", "shape": [2, 1, 1, 3], "datatype": "UINT8", "data": [0, 1, 2, 3, 4, 5]}
    response = client.post(INFER, json={"inputs": [tensor], "outputs": [{"name": "class_id"}]})
    assert list(_outputs(response)) == ["class_id"]
    assert response.json()["outputs"][0]["shape"] == [2]


def test_an_older_version_answers_under_its_number(client: httpx.Client) -> None:
    response = _post(client, JPEG, "image/jpeg", "/v2/models/digits/versions/1/infer")
    assert response.json()["model_version"] == "1"
    assert str(_outputs(response)["name"][0]).startswith("v1-")


def _huge_png(side: int) -> bytes:
    """Return a PNG whose header promises ``side``² pixels and whose content is a few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("body", "media", "status", "cause"),
    [
        (b"", "image/jpeg", 400, "the body is empty"),
        (b"", "application/json", 400, "the body is empty"),
        (b"hello", "image/png", 400, "no JPEG, PNG or WebP"),
        (b"hello", "application/json", 400, "not JSON"),
        (b"{}", "application/json", 400, "'inputs' is null"),
        (JPEG[: len(JPEG) // 2], "image/jpeg", 400, "ends early"),
        (_huge_png(10_000), "image/png", 400, "at most 16000000 are read"),
        (JPEG, "text/plain", 415, "'text/plain' is not read here; send one of application/json, image/jpeg"),
        (JPEG, "image/gif", 415, "'image/gif'"),
        (JPEG, "", 415, "content type ''"),
        (b"x" * 100_001, "image/jpeg", 413, "more than 100000 bytes"),
        (b"x" * 100_001, "application/json", 413, "more than 100000 bytes"),
    ],
    ids=[
        "empty image",
        "empty JSON",
        "text as an image",
        "text as JSON",
        "no inputs",
        "truncated JPEG",
        "100-megapixel PNG",
        "text/plain",
        "GIF",
        "no content type",
        "large image",
        "large JSON",
    ],
)
def test_bad_input_is_a_sentence_that_names_the_cause(
    client: httpx.Client, body: bytes, media: str, status: int, cause: str
) -> None:
    assert cause in _error(_post(client, body, media), status)
    assert _post(client, JPEG, "image/jpeg").status_code == 200


def test_a_body_without_a_length_is_capped_too(client: httpx.Client) -> None:
    chunks = (b"x" * 10_000 for _ in range(20))
    assert "more than 100000" in _error(client.post(INFER, content=chunks, headers={"content-type": "image/png"}), 413)


@pytest.mark.parametrize(
    ("method", "path", "status", "cause"),
    [
        ("POST", "/v2/models/letters/infer", 404, "no model 'letters'"),
        ("GET", "/v2/models/letters", 404, "no model 'letters'"),
        ("GET", "/v2/models/letters/ready", 404, "no model 'letters'"),
        ("POST", "/v2/models/digits/versions/9/infer", 404, "no version '9'"),
        ("POST", "/v2/models/digits/versions/latest/infer", 404, "no version 'latest'"),
        ("POST", "/v2/models/digits/versions/3/infer", 500, "version 3 of 'digits' is broken"),
        ("GET", "/v2/models/..%2f..%2fetc/ready", 404, ""),
        ("GET", "/nowhere", 404, "GET /openapi.json lists the routes"),
        ("DELETE", "/v2/models", 405, "method not allowed"),
    ],
)
def test_what_is_not_there_is_a_sentence(client: httpx.Client, method: str, path: str, status: int, cause: str) -> None:
    response = client.request(method, path, content=JPEG, headers={"content-type": "image/jpeg"})
    assert cause in _error(response, status)


def test_a_body_that_does_not_come_is_not_waited_for(server: ServerProcess) -> None:
    url = httpx.URL(server.address)
    with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_SECONDS) as slow:
        head = f"POST {INFER} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: image/jpeg\r\nContent-Length: 5000\r\n\r\n"
        slow.sendall(head.encode() + b"x" * 10)
        answer = b""
        while chunk := slow.recv(10_000):  # until the server closes
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 0.5 s" in answer


def test_what_reads_the_registry_is_admitted_as_inference_is(tmp_path: Path) -> None:
    publish(Registry(str(tmp_path / "registry")), "digits", 1)
    with ServerProcess(tmp_path, "--set", "deploy.max_in_flight_requests=1") as one:
        one.wait_until_serving("digits", 1)
        url = httpx.URL(one.address)
        with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_SECONDS) as slow:
            head = f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 5000\r\n\r\n"
            slow.sendall(head.encode() + b"x")
            wait_until(lambda: "r2r_server_requests_in_flight 1.0" in one.client.get("/metrics").text)
            for method, path in [
                ("GET", "/v2/models/digits"),
                ("GET", "/v2/models/digits/versions/1"),
                ("GET", "/v2/models/digits/ready"),
                ("POST", "/v2/repository/index"),
            ]:
                assert "1 requests are being answered" in _error(one.client.request(method, path), 503)
            assert one.client.get("/v2/health/live").status_code == 200
        wait_until(lambda: one.client.get("/v2/models/digits").status_code == 200)


def test_a_client_that_goes_away_harms_nobody(server: ServerProcess) -> None:
    url = httpx.URL(server.address)
    for _ in range(5):
        with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_SECONDS) as gone:
            head = f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 5000\r\n\r\n"
            gone.sendall(head.encode() + b"x")
    assert _post(server.client, JPEG, "image/jpeg").status_code == 200
    assert "Traceback" not in (server.home / "logs/server.log").read_text()


def test_requests_are_counted_by_model_and_status_and_made_up_names_make_no_labels(client: httpx.Client) -> None:
    _post(client, JPEG, "image/jpeg")
    for name in ("made", "up", "names"):
        _post(client, JPEG, "image/jpeg", f"/v2/models/{name}/infer")
    _post(client, JPEG, "text/plain")
    lines = client.get("/metrics").text.splitlines()
    counted = {line.partition(" ")[0] for line in lines if line.startswith("r2r_server_requests_total")}
    assert 'r2r_server_requests_total{code="200",model="digits"}' in counted
    assert 'r2r_server_requests_total{code="415",model="digits"}' in counted
    assert 'r2r_server_requests_total{code="404",model="unknown"}' in counted
    assert not any("made" in name for name in counted)
    assert 'r2r_server_active_version{model="digits"} 2.0' in lines
    assert 'r2r_server_load_failures_total{model="digits"} 1.0' in lines
    assert any(line.startswith("r2r_server_request_duration_seconds_bucket") for line in lines)


def test_the_schema_lists_every_route_of_the_protocol(client: httpx.Client) -> None:
    routes = set(json.loads(client.get("/openapi.json").text)["paths"])
    assert {
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models",
        "/v2/repository/index",
        "/v2/models/{model}",
    } <= (routes)
    assert {f"/v2/models/{{model}}/versions/{{version}}/{what}" for what in ("infer", "ready")} <= routes


def test_an_error_nobody_thought_of_is_the_server_s_fault() -> None:
    assert status_of(KeyError("x")) == 500
