"""A record that could not be read, as a person sees it: where it stood, why it was set aside, what it was."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table

from stream.frame import Headers
from stream.log import Record

_ERRORS = "__connect.errors."
_OURS = "r2r-"
_OMITTED = "r2r-omitted-bytes"
_SEQUENCE = "ce_sequence"


@dataclass(frozen=True)
class DeadLetter:
    """One record of a dead-letter topic, without its value."""

    place: str
    """``partition/offset`` in the dead-letter topic."""
    time_ms: int
    reason: str
    message: str
    source: str
    size_bytes: int
    omitted_bytes: int
    """Of a value that no longer fitted beside the reason and was left out."""
    topic: str
    """Where the record stood before; empty where its headers do not say so."""
    partition: int
    """-1 where its headers do not say so."""
    offset: int
    """-1 where its headers do not say so."""

    @classmethod
    def of(cls, record: Record) -> "DeadLetter":
        """Read a record's headers; nothing in them can raise."""
        text = {name: (content or b"").decode(errors="replace") for name, content in record.headers}
        key = (record.key or b"").decode(errors="replace")
        return cls(
            place=f"{record.partition}/{record.offset}",
            time_ms=record.timestamp_ms,
            reason=text.get("r2r-reason", "unknown"),
            message=text.get(f"{_ERRORS}exception.message", ""),
            source=text.get("ce_source") or key,
            size_bytes=len(record.value or b""),
            omitted_bytes=max(0, _number(text.get(_OMITTED, "0"))),
            topic=text.get(f"{_ERRORS}topic", ""),
            partition=_number(text.get(f"{_ERRORS}partition", "")),
            offset=_number(text.get(f"{_ERRORS}offset", "")),
        )

    @property
    def can_be_resent(self) -> bool:
        """Whether its value is there."""
        return self.omitted_bytes == 0 and self.size_bytes > 0

    def facts(self) -> dict[str, Any]:
        """Return the content of ``--json``."""
        return asdict(self)


def original_headers(headers: Headers, *, keep_sequence: bool = True) -> Headers:
    """Return the headers as they came: without the reason, with the frame's identity.

    Parameters
    ----------
    keep_sequence
        False leaves out the number by which the learner knows resends.

    Examples
    --------
    >>> original_headers([("ce_id", b"7"), ("ce_sequence", b"7"), ("r2r-reason", b"corrupt")], keep_sequence=False)
    [('ce_id', b'7')]
    """
    return [
        (name, content or b"")
        for name, content in headers
        if not name.startswith((_ERRORS, _OURS)) and (keep_sequence or name.lower() != _SEQUENCE)
    ]


def dead_letter_table(letters: list[DeadLetter]) -> Table:
    """Lay letters out in rows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("place", "time (UTC)", "reason", "source", "bytes", "stood at"):
        table.add_column(
            column, justify="right" if column == "bytes" else "left", no_wrap=column != "source", overflow="fold"
        )
    for letter in letters:
        moment = datetime.fromtimestamp(letter.time_ms / 1000, UTC)
        size = f"({letter.omitted_bytes})" if letter.omitted_bytes else str(letter.size_bytes)
        stood = f"{letter.partition}/{letter.offset}" if letter.topic else ""
        table.add_row(letter.place, f"{moment:%m-%d %H:%M:%S}", letter.reason, letter.source, size, stood)
    return table


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else -1
