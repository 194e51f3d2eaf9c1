"""Put a version of a model's bytes into a registry, as the publisher does but without a checkpoint."""

import hashlib

from deploy.registry.manifest import Manifest
from deploy.registry.versions import Registry
from tests.deploy.tiny_model import LATENT, tiny_model


def manifest_of(model_bytes: bytes, model: str, version: int) -> Manifest:
    return Manifest(
        model=model,
        version=version,
        sha256=hashlib.sha256(model_bytes).hexdigest(),
        size_bytes=len(model_bytes),
        checkpoint_sha256="c" * 64,
        task_seq=version,
        latent_size=LATENT,
        created_at_ms=1_700_000_000_000,
    )


def publish(registry: Registry, model: str, version: int, model_bytes: bytes | None = None) -> bytes:
    """Promote ``model_bytes``, or a tiny model whose names begin with ``v<version>``; return what was published."""
    content = tiny_model(f"v{version}", seed=version) if model_bytes is None else model_bytes
    registry.add_candidate(manifest_of(content, model, version), content)
    registry.promote(model, version)
    return content
