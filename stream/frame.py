"""A frame: one encoded image on ``frames``, as CloudEvents 1.0 in Kafka's binary content mode.

The value is the image's bytes and the attributes travel as headers (``ce_id``, ``ce_source`` …). Only ``ce_source``
with ``ce_id`` matter to us; ``ce_sequence`` (an integer) lets the learner drop resends. A record without these
headers is a frame too: its identity is where it stands in the log.

Source: https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from stream.process.errors import InvalidMessage, UnknownFormat

Headers = Sequence[tuple[str, bytes]]
FORMAT_VERSION = "1.0"
_LONGEST_SEQUENCE = 18
_LONGEST_IDENTITY = 1000  # the learner keeps the sources it has seen


@dataclass(frozen=True)
class Frame:
    """One image of one source.

    Parameters
    ----------
    source, id
        CloudEvents identity; together unique.
    sequence
        Counts the frames of a source from 0; None where the source does not count, and none can be a resend.
    content_type
        ``image/jpeg``, ``image/png`` or ``image/webp``; informative, the bytes decide.
    image
        The encoded image.
    time_ms
        When the image was taken, Unix milliseconds; None where not told.
    """

    source: str
    id: str
    sequence: int | None
    content_type: str
    image: bytes
    time_ms: int | None = None

    @property
    def identity(self) -> str:
        """The key under which ``truth`` and ``predictions`` speak of this frame.

        Examples
        --------
        >>> Frame("digits/0", "17", 17, "image/png", b"").identity
        'digits/0|17'
        """
        return f"{self.source}|{self.id}"

    def to_record(self) -> tuple[bytes, bytes, Headers]:
        """Return the Kafka record's key (the source, so that a source keeps its order), value and headers."""
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_type", b"r2r.frame"),
            ("ce_source", self.source.encode()),
            ("ce_id", self.id.encode()),
            ("content-type", self.content_type.encode()),
            ("ce_r2rversion", FORMAT_VERSION.encode()),
        ]
        if self.sequence is not None:
            headers.append(("ce_sequence", str(self.sequence).encode()))
        if self.time_ms is not None:
            moment = datetime.fromtimestamp(self.time_ms / 1000, UTC)
            headers.append(("ce_time", moment.isoformat(timespec="milliseconds").encode()))
        return self.source.encode(), self.image, headers

    @classmethod
    def from_record(cls, value: bytes | None, headers: Headers, topic: str, position: tuple[int, int]) -> Self:
        """Read a record at ``position`` (partition, offset) of ``topic``.

        Raises
        ------
        InvalidMessage
            The body is empty (``empty_body``) or a header is not what CloudEvents says (``bad_header``).
        UnknownFormat
            The frame was written under another major version.
        """
        if not value:
            message = f"the record at {topic}/{position[0]}/{position[1]} has no body; send the image as its value"
            raise InvalidMessage(message, reason="empty_body")
        text = _text(headers)
        _check_version(text.get("ce_r2rversion", FORMAT_VERSION))
        named = bool(text.get("ce_source")) and bool(text.get("ce_id"))
        if named and len(text["ce_source"]) + len(text["ce_id"]) > _LONGEST_IDENTITY:
            message = f"ce_source and ce_id have more than {_LONGEST_IDENTITY} characters together; send shorter ones"
            raise InvalidMessage(message, reason="bad_header")
        return cls(
            source=text["ce_source"] if named else f"{topic}/{position[0]}",
            id=text["ce_id"] if named else str(position[1]),
            sequence=_sequence(text) if named else None,
            content_type=text.get("content-type", "application/octet-stream"),
            image=value,
            time_ms=_time_ms(text),
        )


def _text(headers: Headers) -> dict[str, str]:
    """Return our headers as text; those of others, tracing for one, may hold what they like."""
    ours = ((name.lower(), content) for name, content in headers if content is not None)
    try:
        return {name: content.decode() for name, content in ours if name.startswith("ce_") or name == "content-type"}
    except UnicodeDecodeError as error:
        message = f"a header is not UTF-8 ({error.reason}); send CloudEvents headers as UTF-8"
        raise InvalidMessage(message, reason="bad_header") from error


def _sequence(text: dict[str, str]) -> int | None:
    if "ce_sequence" not in text:
        return None
    digits = text["ce_sequence"]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_SEQUENCE):
        message = f"ce_sequence is {digits[:40]!r}, but a whole number from 0 to 10^18 is expected; count frames from 0"
        raise InvalidMessage(message, reason="bad_header")
    return int(digits)


def _time_ms(text: dict[str, str]) -> int | None:
    if "ce_time" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text["ce_time"])
        if moment.tzinfo is None:
            message = "it has no offset"
            raise ValueError(message)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        message = (
            f"ce_time is {text['ce_time'][:40]!r}, but RFC 3339 with an offset is expected; send 2026-01-31T12:00:00Z"
        )
        raise InvalidMessage(message, reason="bad_header") from error


def _check_version(version: str) -> None:
    if version.split(".", maxsplit=1)[0] != FORMAT_VERSION.split(".", maxsplit=1)[0]:
        message = f"this release reads frames of version {FORMAT_VERSION}, but {version} came; update the learner"
        raise UnknownFormat(message)
