"""The topic ``commands``: what persons ask of a running model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pydantic import SkipValidation

from stream.messages.message import Message


@dataclass(frozen=True)
class Command(Message):
    """What a person asks of a running model; its ``id`` makes a resend harmless."""

    format: ClassVar[str] = "r2r.command/1.0"

    id: str
    model: str
    kind: str
    """``name`` takes effect in the learner at the next plan; ``pin``, ``unpin`` and ``rollback`` in the publisher."""
    arguments: Mapping[str, SkipValidation[str | int]]
    """``cluster`` and ``name`` (empty to take it back) of ``name``; ``version`` of ``pin`` and ``rollback``.

    Their values are checked by the role that applies the command, so that a refusal names it.
    """
    at_ms: int
