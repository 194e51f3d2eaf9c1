"""JSON documents with a versioned name: how every message and manifest is written and read.

A format's name is ``r2r.<kind>/<major>.<minor>``. An unknown minor version is read (unknown keys are ignored), an
unknown major version is an `UnknownFormat`.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from stream.process.errors import InvalidMessage, UnknownFormat

Document = dict[str, Any]


def to_bytes(kind: str, version: str, body: Document) -> bytes:
    """Write ``body`` as canonical JSON (sorted keys, no spaces) under its format's name; bytes are base64.

    Examples
    --------
    >>> to_bytes("truth", "1.0", {"label": 3})
    b'{"format":"r2r.truth/1.0","label":3}'
    """
    document = {"format": f"r2r.{kind}/{version}", **body}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain).encode()


def from_bytes(kind: str, version: str, data: bytes) -> Document:
    """Read a document of ``kind`` whose major version is that of ``version``.

    Raises
    ------
    InvalidMessage
        The bytes are not a JSON object of this kind.
    UnknownFormat
        The major version differs.

    Examples
    --------
    >>> from_bytes("truth", "1.0", b'{"format":"r2r.truth/1.7","label":3,"new":1}')["label"]
    3
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        message = f"expected an r2r.{kind} document, but the bytes are not JSON ({error})"
        raise InvalidMessage(message, reason="not_json") from error
    name = body.get("format", "") if isinstance(body, dict) else ""
    found_kind, _, found_version = str(name).partition("/")
    if found_kind != f"r2r.{kind}":
        message = f"expected the format r2r.{kind}/{version}, but the document says {name!r}"
        raise InvalidMessage(message, reason="wrong_kind")
    if found_version.split(".")[0] != version.split(".", maxsplit=1)[0]:
        message = f"this release reads r2r.{kind}/{version}, but the document is {name}; update this role first"
        raise UnknownFormat(message)
    return dict(body)


def _plain(value: object) -> object:
    """Return what ``json`` can write of a value that it does not know."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    message = f"{type(value).__name__} cannot be written as JSON"
    raise TypeError(message)
