"""The topic ``checkpoints``: a checkpoint is complete."""

from dataclasses import dataclass
from typing import ClassVar

from stream.messages.message import Message


@dataclass(frozen=True)
class CheckpointReady(Message):
    """A checkpoint is complete and may be read."""

    format: ClassVar[str] = "r2r.checkpoint-ready/1.0"

    id: str
    model: str
    task_seq: int
    """The last plan that it contains."""
    uri: str
    """The checkpoint's folder."""
    sha256: str
    """Of its manifest."""
    publish: bool
    """Whether a version of it is asked for."""
