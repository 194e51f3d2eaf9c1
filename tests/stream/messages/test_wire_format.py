import pytest

from stream.messages.wire_format import from_bytes, to_bytes
from stream.process.errors import InvalidMessage, UnknownFormat


def reason(data):
    with pytest.raises(InvalidMessage) as caught:
        from_bytes("truth", "1.0", data)
    return caught.value.reason


def test_documents_are_canonical():
    assert to_bytes("truth", "1.0", {"b": 1, "a": "ü"}) == to_bytes("truth", "1.0", {"a": "ü", "b": 1})
    assert b" " not in to_bytes("truth", "1.0", {"b": [1, 2]})


def test_what_was_written_is_read():
    body = from_bytes("truth", "1.0", to_bytes("truth", "1.0", {"label": 3, "name": "drei ü"}))
    assert body == {"format": "r2r.truth/1.0", "label": 3, "name": "drei ü"}


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"\x89PNG"])
def test_bytes_that_are_no_json_are_refused(data):
    assert reason(data) == "not_json"


@pytest.mark.parametrize("data", [b"[]", b"3", b"{}", b'{"format":"r2r.event/1.0"}', b'{"format":null}'])
def test_another_kind_is_refused(data):
    assert reason(data) == "wrong_kind"


@pytest.mark.parametrize("version", ["2.0", "0.9", "10.0", ""])
def test_another_major_version_is_an_unknown_format(version):
    with pytest.raises(UnknownFormat, match="update this role"):
        from_bytes("truth", "1.0", f'{{"format":"r2r.truth/{version}"}}'.encode())


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.23"])
def test_every_minor_version_is_read(version):
    assert from_bytes("truth", "1.0", f'{{"format":"r2r.truth/{version}","label":1}}'.encode())["label"] == 1
