"""The manifest of one version: what its file is, and what it was made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from stream.messages.message import Message

GRAPH_CONTRACT = "r2r.served-graph/1.0"
"""Input ``images``; outputs ``class_id … latent`` (decision 0004)."""


@dataclass(frozen=True)
class Manifest(Message):
    """Written beside the version, never inside it: the version's folder holds what Triton serves and nothing else."""

    format: ClassVar[str] = "r2r.model-version-manifest/1.1"

    model: str
    version: int
    """The checkpoint's ``task_seq``, or the next free number where that is not the highest."""
    sha256: str
    """Of ``model.onnx``."""
    size_bytes: int
    """Of ``model.onnx``."""
    checkpoint_sha256: str
    """Of the checkpoint it was exported from."""
    task_seq: int
    """Of that checkpoint."""
    latent_size: int
    """Length of the output ``latent``, the same for all versions of a model."""
    created_at_ms: int
    """Unix milliseconds."""
    parity: float | None = None
    """Largest difference to PyTorch on the probe images; None where no gate ran."""
    metrics: Mapping[str, int | float] = field(default_factory=dict)
    """Label-free figures at the time of publication, such as ``live_clusters``."""
    graph_contract: str = GRAPH_CONTRACT
    """Name and version of the inputs and outputs."""
    rolled_back_from: int | None = None
    """The version whose content this is, given a new number by a rollback; None where it came from its checkpoint."""
