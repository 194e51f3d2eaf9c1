"""The load's judge: an answer counts only if it is whole, 200, and by the version that it names."""

from benchmarks.serving.http_load import Load, request

OK = b"HTTP/1.1 200 OK"


def _body(version: int, named: int) -> bytes:
    outputs = f'[{{"name":"name","datatype":"BYTES","shape":[1],"data":["v{named}-3"]}}]'
    return f'{{"model_name":"bench","model_version":"{version}","outputs":{outputs}}}'.encode()


def test_answers_are_judged() -> None:
    load = Load([b""], ends_at=1.0)
    load.note(0.001, OK, _body(7, 7))
    assert (load.failures, load.versions) == ([], {7})
    load.note(0.001, OK, _body(7, 8))
    load.note(0.001, b"HTTP/1.1 503 Service Unavailable", b'{"error":"no version"}')
    load.note(0.001, OK, b"{}")
    assert len(load.failures) == 3
    assert len(load.latencies_seconds) == 4


def test_a_request_is_whole_http() -> None:
    head, _, body = request("bench", b"12345").partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v2/models/bench/infer HTTP/1.1\r\n")
    assert b"Content-Length: 5" in head
    assert body == b"12345"
