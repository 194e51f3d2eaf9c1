"""The topic ``events``: decisions with their evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import SkipValidation

from stream.messages.message import Message

Evidence = Mapping[str, SkipValidation[float | int | str | list[int] | list[float] | list[str]]]


@dataclass(frozen=True)
class Event(Message):
    """A decision: drift, birth, update, promotion, refusal, evaluation."""

    format: ClassVar[str] = "r2r.event/1.0"

    id: str
    model: str
    task_seq: int
    kind: str
    at_ms: int
    evidence: Evidence = field(default_factory=dict)
    """What led to it; the keys belong to the kind, and a reader gets each value as it was written."""
