"""A registry as release 1 of the formats wrote it is read and served, now and by every later release.

The stored version is `tests.deploy.small_state.small_state(seed=1)` with clusters 0 and 3 named zero and 4 named four.
"""

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from prometheus_client import CollectorRegistry

from deploy.metrics import ServingMetrics
from deploy.registry.manifest import GRAPH_CONTRACT, Manifest
from deploy.registry.triton_config import triton_config
from deploy.registry.versions import Registry
from deploy.serving.inference_session import InferenceSession
from deploy.serving.live_models import LiveModels
from stream.process.errors import InvalidMessage, UnknownFormat

STORED = Path(__file__).parents[2] / "fixtures/formats/v1/model_version"
ROLLED_BACK = (STORED.parent / "model_version_manifest_1_1.json").read_bytes()
MANIFEST = (STORED / "manifests/digits/7.json").read_bytes()


@pytest.fixture
def registry() -> Registry:
    return Registry(str(STORED))


def test_the_stored_manifest_is_read(registry: Registry) -> None:
    manifest = registry.manifest("digits", 7)
    assert (manifest.model, manifest.version, manifest.task_seq) == ("digits", 7, 7)
    assert (manifest.graph_contract, manifest.latent_size) == (GRAPH_CONTRACT, 6)
    assert manifest.metrics == {
        "live_clusters": 7,
        "live_classes": 6,
        "updates": 1,
        "images_backpropagated": 0,
    }
    assert manifest.rolled_back_from is None


def test_the_stored_manifest_of_a_rollback_is_read_and_written() -> None:
    manifest = Manifest.from_bytes(ROLLED_BACK)
    assert (manifest.version, manifest.rolled_back_from, manifest.task_seq) == (12, 7, 7)
    assert manifest.to_bytes() == ROLLED_BACK


def test_the_stored_version_is_valid_onnx_and_small(registry: Registry) -> None:
    model_bytes = registry.read_model("digits", 7)
    onnx.checker.check_model(model_bytes, full_check=True)
    assert sum(path.stat().st_size for path in STORED.rglob("*") if path.is_file()) < 100_000


def test_the_stored_version_is_served_with_its_names(registry: Registry) -> None:
    load = partial(InferenceSession.load, provider="cpu", threads=1)
    metrics = ServingMetrics(CollectorRegistry())
    models = LiveModels(registry, load, metrics, keep_loaded=1, expected=["digits"])
    models.refresh()
    live = models.newest("digits")
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 25, 3), dtype=np.uint8)
    answer = live.session.run(images)
    assert live.version == 7
    assert {name for names in answer.top_names.tolist() for name in names} <= {
        "zero",
        "four",
        "cluster-1",
        "cluster-2",
        "cluster-5",
        "cluster-6",
    }
    assert 3 not in answer.top_ids
    np.testing.assert_allclose(answer.top_probabilities[:, 0], answer.probability)
    assert answer.latent.shape == (3, 6)


def test_the_stored_configuration_is_what_would_be_written_today() -> None:
    assert (STORED / "live/digits/config.pbtxt").read_text() == triton_config("digits", latent_size=6)


def test_a_later_minor_version_of_the_manifest_is_read() -> None:
    later = MANIFEST.replace(b"manifest/1.0", b"manifest/1.9").replace(b'"model":', b'"unheard_of":1,"model":')
    assert Manifest.from_bytes(later) == Manifest.from_bytes(MANIFEST)


def test_another_major_version_of_the_manifest_is_refused() -> None:
    with pytest.raises(UnknownFormat, match=r"reads r2r.model-version-manifest/1.1"):
        Manifest.from_bytes(MANIFEST.replace(b"manifest/1.0", b"manifest/2.0"))


def test_a_manifest_without_a_key_is_incomplete() -> None:
    with pytest.raises(InvalidMessage, match="does not fit its format"):
        Manifest.from_bytes(MANIFEST.replace(b'"sha256"', b'"sha255"'))
