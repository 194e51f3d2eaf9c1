"""The manifest of one version: what its file is, and what it was made of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Self

from stream.messages import wire_format
from stream.process.errors import InvalidMessage

GRAPH_CONTRACT = "r2r.served-graph/1.0"
"""Input ``images``; outputs ``class_id … latent`` (decision 0004)."""


@dataclass(frozen=True)
class Manifest:
    """Written beside the version, never inside it: the version's folder holds what Triton serves and nothing else.

    Parameters
    ----------
    model, version
        The version's number: the checkpoint's ``task_seq``, or the next free one where that is not the highest.
    sha256, size_bytes
        Of ``model.onnx``.
    checkpoint_sha256, task_seq
        The checkpoint it was exported from.
    latent_size
        Length of the output ``latent``, the same for all versions of a model.
    created_at_ms
        Unix milliseconds.
    parity
        Largest difference to PyTorch on the probe images; None where no gate ran.
    metrics
        Label-free figures at the time of publication, such as ``live_clusters``.
    graph_contract
        Name and version of the inputs and outputs.
    rolled_back_from
        The version whose content this is, given a new number by a rollback; None where it came from its checkpoint.
    """

    model: str
    version: int
    sha256: str
    size_bytes: int
    checkpoint_sha256: str
    task_seq: int
    latent_size: int
    created_at_ms: int
    parity: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    graph_contract: str = GRAPH_CONTRACT
    rolled_back_from: int | None = None

    def to_bytes(self) -> bytes:
        """Write the manifest as ``r2r.model-version-manifest/1.1``."""
        return wire_format.to_bytes("model-version-manifest", "1.1", {**asdict(self), "metrics": dict(self.metrics)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a manifest; see `stream.messages.wire_format.from_bytes` for the errors."""
        body = wire_format.from_bytes("model-version-manifest", "1.1", data)
        try:
            return cls(**{known.name: body[known.name] for known in fields(cls) if known.name in body})
        except TypeError as error:
            message = f"the version's manifest is incomplete ({error}); publish the version again"
            raise InvalidMessage(message, reason="incomplete") from error
