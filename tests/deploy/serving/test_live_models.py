"""Versions in memory: the newest answers, broken ones are passed over, older ones come when asked for."""

import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from deploy.metrics import ServingMetrics
from deploy.registry.errors import ModelNotFound, VersionBroken
from deploy.registry.versions import Registry
from deploy.serving.errors import ModelNotReady
from deploy.serving.inference_session import InferenceSession
from deploy.serving.live_models import LiveModels
from tests.deploy.published import publish
from tests.deploy.tiny_model import tiny_model
from tests.wait import PATIENCE_SECONDS, wait_until

IMAGE = np.zeros((1, 8, 8, 3), np.uint8)


class Server:
    """A registry and the models loaded from it."""

    def __init__(self, root: Path, *, keep_loaded: int = 3, expected: tuple[str, ...] = ()) -> None:
        self.registry = Registry(str(root))
        self.counted = CollectorRegistry()
        load = partial(InferenceSession.load, provider="cpu", threads=1)
        metrics = ServingMetrics(self.counted)
        self.models = LiveModels(self.registry, load, metrics, keep_loaded=keep_loaded, expected=expected)

    def count(self, metric: str, model: str = "digits") -> float:
        return self.counted.get_sample_value(metric, {"model": model}) or 0.0


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_before_the_first_version_nothing_is_ready(server: Server) -> None:
    server.models.refresh()
    assert not server.models.ready
    with pytest.raises(ModelNotReady, match="no version yet"):
        server.models.newest("digits")


def test_an_unknown_model_is_not_found_once_another_is_served(server: Server) -> None:
    publish(server.registry, "digits", 1)
    server.models.refresh()
    with pytest.raises(ModelNotFound, match="no model 'letters'"):
        server.models.newest("letters")


def test_an_expected_model_is_not_ready_rather_than_not_found(tmp_path: Path) -> None:
    server = Server(tmp_path, expected=("digits", "letters"))
    publish(server.registry, "digits", 1)
    server.models.refresh()
    assert not server.models.ready
    with pytest.raises(ModelNotReady):
        server.models.newest("letters")
    with pytest.raises(ModelNotFound):
        server.models.newest("faces")


def test_the_newest_version_answers_and_swaps_are_counted(server: Server) -> None:
    for version in (1, 2, 3):
        publish(server.registry, "digits", version)
        server.models.refresh()
        assert server.models.newest("digits").version == version
        assert server.count("r2r_server_active_version") == version
    assert server.count("r2r_server_swaps_total") == 2


def test_a_request_in_flight_keeps_its_version_across_a_swap(server: Server) -> None:
    publish(server.registry, "digits", 1)
    server.models.refresh()
    held = server.models.newest("digits")
    for version in range(2, 8):
        publish(server.registry, "digits", version)
        server.models.refresh()
    assert str(held.session.run(IMAGE).name[0]).startswith("v1-")


def test_a_broken_newest_version_is_passed_over_counted_once_and_the_one_before_answers(server: Server) -> None:
    publish(server.registry, "digits", 1)
    publish(server.registry, "digits", 2)
    publish(server.registry, "digits", 3, b"no graph")
    for _ in range(3):
        server.models.refresh()
        assert server.models.newest("digits").version == 2
    assert server.count("r2r_server_load_failures_total") == 1
    publish(server.registry, "digits", 4)
    server.models.refresh()
    assert server.models.newest("digits").version == 4


def test_a_version_that_was_changed_on_disk_is_passed_over(server: Server, tmp_path: Path) -> None:
    publish(server.registry, "digits", 1)
    publish(server.registry, "digits", 2)
    (tmp_path / "live/digits/2/model.onnx").write_bytes(tiny_model("forged"))
    server.models.refresh()
    assert server.models.newest("digits").version == 1


def test_an_older_version_is_loaded_when_asked_for(server: Server) -> None:
    for version in (1, 2, 3):
        publish(server.registry, "digits", version)
    server.models.refresh()
    assert server.models.find("digits", "1") is None
    older = server.models.load_older("digits", "1")
    assert str(older.session.run(IMAGE).name[0]).startswith("v1-")
    assert server.models.find("digits", "1") is older
    assert server.models.find("digits", "3") is server.models.newest("digits")


@pytest.mark.parametrize("version", ["9", "-1", "1.0", "latest", "", "9" * 30, "²"])
def test_a_version_that_is_not_there_is_not_found(server: Server, version: str) -> None:
    publish(server.registry, "digits", 1)
    server.models.refresh()
    with pytest.raises(ModelNotFound, match="no version"):
        server.models.load_older("digits", version)


def test_a_broken_version_that_is_asked_for_is_reported(server: Server) -> None:
    publish(server.registry, "digits", 1, b"no graph")
    publish(server.registry, "digits", 2)
    server.models.refresh()
    with pytest.raises(VersionBroken, match="version 1 of 'digits' is broken"):
        server.models.load_older("digits", "1")


def test_older_versions_in_memory_are_bounded_and_the_one_not_asked_for_leaves(tmp_path: Path) -> None:
    server = Server(tmp_path, keep_loaded=2)
    for version in range(1, 22):
        publish(server.registry, "digits", version)
    server.models.refresh()
    for version in range(1, 21):
        server.models.load_older("digits", str(version))
        assert len(server.models._older) <= 2
    assert server.models.find("digits", "19") is not None
    server.models.load_older("digits", "3")
    assert server.models.find("digits", "19") is not None
    assert server.models.find("digits", "20") is None


class LostRegistry(Registry):
    """Storage that does not answer while ``lost``."""

    lost = False

    def models(self) -> list[str]:
        if self.lost:
            message = "the storage is away"
            raise OSError(message)
        return super().models()


def test_the_watcher_outlives_a_registry_that_is_away(tmp_path: Path) -> None:
    server = Server(tmp_path)
    registry = LostRegistry(str(tmp_path))
    server.models._registry = registry
    publish(registry, "digits", 1)
    stopping = threading.Event()
    watcher = threading.Thread(target=server.models.watch, args=(stopping, 0.01))
    watcher.start()
    try:
        wait_until(lambda: server.models.ready)
        registry.lost = True
        publish(registry, "digits", 2)
        assert server.models.newest("digits").version == 1
        registry.lost = False
        wait_until(lambda: server.models.newest("digits").version == 2)
    finally:
        stopping.set()
        watcher.join(PATIENCE_SECONDS)
    assert not watcher.is_alive()
