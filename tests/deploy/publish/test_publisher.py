"""Checkpoints become versions, in order, once, across restarts; a refusal is announced and does not stop the rest."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.publish.announcements import Announcements
from deploy.publish.template_cache import TemplateCache
from deploy.registry.manifest import Manifest
from deploy.roles import PUBLISHER
from stream.kafka.admin import create_topics
from stream.kafka.producer import BoundedProducer
from stream.messages.checkpoint_ready import CheckpointReady
from stream.process.settings import StreamSettings
from tests.deploy.dying import Died
from tests.deploy.publish.publisher_site import MODEL, Site
from tests.deploy.small_state import small_state
from tests.wait import PATIENCE_SECONDS, wait_until


class DyingAnnouncements(Announcements):
    """Dies before it announces a version."""

    def announce_version(self, manifest: Manifest, uri: str) -> None:
        raise Died(manifest.version, uri)


@pytest.fixture
def site(tmp_path: Path, stream_settings: StreamSettings, templates: TemplateCache) -> Site:
    made = Site(tmp_path, stream_settings, templates)
    create_topics(stream_settings, made.topics)
    return made


def test_a_checkpoint_becomes_a_version_that_is_announced_with_its_evidence(site: Site) -> None:
    ready = site.checkpoint(small_state(seed=1, clusters=7, task_seq=3))
    with site.publisher() as publisher:
        publisher.publish(ready)
    manifest = site.registry.manifest(MODEL, 3)
    assert manifest.checkpoint_sha256 == ready.sha256
    assert manifest.task_seq == 3
    assert manifest.parity is not None
    assert manifest.parity <= 1e-4
    assert manifest.metrics["live_clusters"] == 7
    assert manifest.sha256 == hashlib.sha256(site.registry.read_model(MODEL, 3)).hexdigest()
    (announced,) = site.announced_versions()
    assert (announced.version, announced.sha256, announced.metrics) == (3, manifest.sha256, manifest.metrics)
    assert announced.uri.endswith("/live/digits/3/model.onnx")
    (event,) = site.events()
    assert (event.id, event.kind) == ("digits/3/promotion/0", "promotion")
    assert event.evidence["parity"] == manifest.parity


def test_publishing_again_after_a_restart_doubles_nothing(site: Site) -> None:
    checkpoints = [site.checkpoint(small_state(seed=task, task_seq=task)) for task in (1, 2)]
    for _ in range(3):
        with site.publisher() as publisher:
            for ready in checkpoints:
                publisher.publish(ready)
    assert site.registry.versions(MODEL) == [1, 2]
    assert [announced.version for announced in site.announced_versions()] == [1, 2]
    assert [event.id for event in site.events()] == ["digits/1/promotion/0", "digits/2/promotion/0"]


def test_a_version_that_was_promoted_but_not_announced_is_announced_after_the_restart(site: Site) -> None:
    ready = site.checkpoint(small_state(seed=1, task_seq=1))
    with site.publisher(announcing=DyingAnnouncements) as publisher, pytest.raises(Died):
        publisher.publish(ready)
    assert site.registry.versions(MODEL) == [1]
    assert site.announced_versions() == []
    with site.publisher() as publisher:
        assert [announced.version for announced in site.announced_versions()] == [1]
        publisher.publish(ready)
    assert [announced.version for announced in site.announced_versions()] == [1]
    assert site.registry.versions(MODEL) == [1]


def test_a_checkpoint_that_was_pruned_is_passed_over_and_counted(site: Site) -> None:
    gone, there = (site.checkpoint(small_state(seed=task, task_seq=task)) for task in (1, 2))
    shutil.rmtree(next((site.home / "checkpoints" / MODEL).glob("0000000001-*")))
    with site.publisher() as publisher:
        publisher.publish(gone)
        publisher.publish(there)
    assert site.registry.versions(MODEL) == [2]
    assert site.counted.get_sample_value("r2r_publisher_skipped_total", {"model": MODEL}) == 1


def test_a_pruned_version_is_not_published_again_after_a_restart(site: Site) -> None:
    checkpoints = [site.checkpoint(small_state(seed=task, task_seq=task)) for task in (1, 2, 3)]
    for _ in range(2):
        with site.publisher(keep_versions=2) as publisher:
            for ready in checkpoints:
                publisher.publish(ready)
    assert site.registry.versions(MODEL) == [2, 3]
    assert [announced.version for announced in site.announced_versions()] == [2, 3]
    assert len(site.events()) == 3


def test_a_refused_candidate_stays_for_inspection_is_counted_reported_and_the_next_is_published(site: Site) -> None:
    refused, good = (site.checkpoint(small_state(seed=task, task_seq=task)) for task in (1, 2))
    with site.publisher(tolerance=1e-30) as publisher:
        publisher.publish(refused)
    assert site.registry.versions(MODEL) == []
    assert site.registry.candidates(MODEL) == [1]
    (event,) = site.events()
    assert (event.id, event.kind, event.evidence["reason"]) == ("digits/1/refusal/0", "refusal", "parity")
    assert event.evidence["tolerance"] == 1e-30
    with site.publisher() as publisher:
        publisher.publish(good)
    assert site.registry.versions(MODEL) == [2]
    assert site.registry.candidates(MODEL) == [1]
    labels = {"model": MODEL, "reason": "parity"}
    assert site.counted.get_sample_value("r2r_publisher_refusals_total", labels) == 1


def _corrupt(site: Site, ready: CheckpointReady) -> CheckpointReady:
    tensors = next((site.home / "checkpoints" / MODEL).glob("*/tensors.safetensors"))
    tensors.write_bytes(tensors.read_bytes()[:-1])
    return ready


@pytest.mark.parametrize(
    ("reason", "task_seq"), [("checkpoint_corrupt", 1), ("checkpoint_changed", 1), ("version_0", 0)]
)
def test_a_checkpoint_that_is_not_as_announced_is_refused_with_its_reason(
    site: Site, reason: str, task_seq: int
) -> None:
    ready = site.checkpoint(small_state(seed=1, task_seq=task_seq))
    if reason == "checkpoint_corrupt":
        ready = _corrupt(site, ready)
    elif reason == "checkpoint_changed":
        ready = replace(ready, sha256="0" * 64)
    with site.publisher() as publisher:
        publisher.publish(ready)
    assert site.registry.versions(MODEL) == []
    assert [event.evidence["reason"] for event in site.events()] == [reason]


def _announce(site: Site, *announcements: bytes) -> None:
    with BoundedProducer(site.streaming) as producer:
        for value in announcements:
            producer.send(site.topics.checkpoints, b"", value)


def _start(site: Site) -> subprocess.Popen[str]:
    settings = (f"stream.bootstrap_servers={site.streaming.bootstrap_servers}", site.streaming.topic_prefix)
    flags = ["--home", str(site.home), "--model", MODEL, "--set", settings[0]]
    flags += ["--set", f"stream.topic_prefix={settings[1]}"]
    command = [sys.executable, "-m", PUBLISHER.module, *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_process_killed_and_started_again_ends_with_every_version_once(
    site: Site, templates: TemplateCache
) -> None:
    shutil.copytree(templates._folder, site.home / "registry/templates")
    checkpoints = [site.checkpoint(small_state(seed=task, task_seq=task)) for task in (1, 2, 3, 4)]
    unasked = site.checkpoint(small_state(seed=5, task_seq=5), publish=False)
    _announce(site, b"no announcement", *(ready.to_bytes() for ready in (*checkpoints, unasked)))
    killed = _start(site)
    wait_until(lambda: bool(site.registry.versions(MODEL)) or killed.poll() is not None)
    killed.kill()
    killed.communicate()
    restarted = _start(site)
    try:
        wait_until(lambda: len({announced.version for announced in site.announced_versions()}) == 4)
        restarted.terminate()
        assert restarted.wait(PATIENCE_SECONDS) == 0
    finally:
        restarted.kill()
        _, errors = restarted.communicate()
    assert errors == ""
    assert site.registry.versions(MODEL) == [1, 2, 3, 4]
    assert site.registry.candidates(MODEL) == []
    for ready in checkpoints:
        assert site.registry.manifest(MODEL, ready.task_seq).checkpoint_sha256 == ready.sha256
    logs = "".join(path.read_text() for path in (site.home / "logs").glob("publisher*.log"))
    assert "offset=0 is passed over" in logs


def test_without_a_broker_the_process_ends_with_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", PUBLISHER.module, "--home", str(tmp_path), "--model", MODEL]
    command += ["--set", "stream.bootstrap_servers=127.0.0.1:1", "--set", "stream.broker_timeout_seconds=0.3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    assert done.returncode == 1
    assert "Kafka does not answer at 127.0.0.1:1" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
