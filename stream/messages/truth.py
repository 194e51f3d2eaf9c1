"""The topic ``truth``: true labels, which only the evaluator reads (decision 0003)."""

from dataclasses import dataclass
from typing import ClassVar

from stream.messages.message import Message


@dataclass(frozen=True)
class Truth(Message):
    """The true label of one frame; its record's key is the frame's identity."""

    format: ClassVar[str] = "r2r.truth/1.0"

    label: int
    """Counts from 0 without gaps."""
    name: str
