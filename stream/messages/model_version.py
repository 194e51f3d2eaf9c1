"""The topic ``models``: a version is in the registry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from stream.messages.message import Message


@dataclass(frozen=True)
class ModelVersion(Message):
    """A version is in the registry; the repository is the truth and this record a nudge."""

    format: ClassVar[str] = "r2r.model-version/1.0"

    model: str
    version: int
    uri: str
    sha256: str
    """Of ``model.onnx``."""
    metrics: Mapping[str, float]
