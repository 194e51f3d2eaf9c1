"""A message: a frozen dataclass of one format, written as JSON and checked by pydantic when it is read."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from stream.messages.wire_format import from_bytes, to_bytes
from stream.process.errors import InvalidMessage

M = TypeVar("M", bound="Message")
_readers: dict[type, TypeAdapter[Any]] = {}  # made once for each class: that takes a millisecond


@dataclass(frozen=True)
class Message:
    """What a message's class extends: a frozen dataclass whose fields are the keys of its document.

    What is to be done about bytes that are none is the reader's to say: resend a record, delete a file.

    Values are checked when they are read, not when they are made: a number is no text, ``true`` is no number, a text is
    valid Unicode, and an integer may stand for a float. Bytes are base64.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Greeting(Message):
    ...     format: ClassVar[str] = "r2r.greeting/1.0"
    ...     words: str
    >>> Greeting("hello").to_bytes()
    b'{"format":"r2r.greeting/1.0","words":"hello"}'
    >>> Greeting.from_bytes(b'{"format":"r2r.greeting/1.3","words":"hello","new":1}')
    Greeting(words='hello')
    """

    format: ClassVar[str]
    """``r2r.<kind>/<major>.<minor>``, as it is written."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, val_json_bytes="base64")

    def to_bytes(self) -> bytes:
        """Write the message as canonical JSON under its format's name."""
        return to_bytes(*self._format(), {field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a message; the keys of a later minor version are ignored.

        Raises
        ------
        InvalidMessage
            The bytes are not a document of this kind (``not_json``, ``wrong_kind``), or a key is missing or its value
            has another type (``incomplete``).
        UnknownFormat
            The major version differs.
        """
        from_bytes(*cls._format(), data)
        try:
            return _reader(cls).validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "text"
            message = f"the {cls.__name__} document does not fit its format ({where}: {first['msg']})"
            raise InvalidMessage(message, reason="incomplete") from error

    @classmethod
    def _format(cls) -> tuple[str, str]:
        kind, _, version = cls.format.removeprefix("r2r.").partition("/")
        return kind, version


def _reader(message_type: type[M]) -> TypeAdapter[M]:
    if message_type not in _readers:
        _readers[message_type] = TypeAdapter(message_type)
    return _readers[message_type]
