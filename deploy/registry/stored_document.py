"""A document of the registry, from its bytes: its format's name is checked, then each key."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from stream.messages import wire_format
from stream.process.errors import InvalidMessage

T = TypeVar("T")


def read_document(adapter: TypeAdapter[T], kind: str, version: str, data: bytes, remedy: str) -> T:
    """Read a document of ``kind``; unknown keys are ignored.

    Raises
    ------
    InvalidMessage
        The bytes are no document of this kind, or a key is missing or wrong; ``remedy`` ends the sentence.
    UnknownFormat
        The major version differs.
    """
    body = wire_format.from_bytes(kind, version, data)
    try:
        return adapter.validate_python(body)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = f"the {kind} document is incomplete ({key}: {first['msg'].lower()}); {remedy}"
        raise InvalidMessage(message, reason="incomplete") from error
