"""``python -m deploy.publisher --model NAME``: checkpoints become versions.

It keeps no position: what is to be done is what the checkpoints' topic asks for and the registry does not have. Killed
between any two lines and started again, it ends with the same registry; an announcement may come twice, under one id.
"""

import hashlib
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from urllib.parse import unquote, urlparse

import torch
from prometheus_client import REGISTRY

from deploy.clock import now_ms
from deploy.errors import CandidateRefused
from deploy.metrics import PublishingMetrics
from deploy.publishing.announcements import Announcements
from deploy.publishing.candidate import Candidate, CandidateExporter
from deploy.publishing.served_graph import ServedGraph, served_graph
from deploy.publishing.template_cache import TemplateCache
from deploy.registry.manifest import Manifest
from deploy.registry.versions import Registry
from deploy.settings import DeploySettings
from learner.checkpoint import content_sha256, load_checkpoint
from learner.state import LearnerState
from stream.broker_admin import create_topics, wait_for_broker
from stream.consumer import TopicTail
from stream.errors import CheckpointCorrupt, InvalidMessage, UnknownFormat
from stream.log import Record
from stream.messages import CheckpointReady
from stream.producer import BoundedProducer
from stream.role import Role, parser, run_role
from stream.settings import StreamSettings
from stream.topics import Topics

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.2
_FIRST_VERSION = 1


@dataclass
class Publisher:
    """Takes one checkpoint after the other into the registry; `open_publisher` wires it."""

    model: str
    registry: Registry
    exporter: CandidateExporter
    announcements: Announcements
    settings: DeploySettings
    metrics: PublishingMetrics
    clock: Callable[[], int]

    def follow(self, checkpoints: TopicTail, stopping: Flag) -> None:
        """Publish what the topic asks for, from its beginning on, until ``stopping`` is set."""
        while not stopping.is_set():
            for record in checkpoints.next_records(_POLL_SECONDS):
                ready = _read(record)
                if ready is not None and ready.publish and not stopping.is_set():
                    self.publish(ready)

    def publish(self, ready: CheckpointReady) -> None:
        """Publish one checkpoint, unless that was done before.

        1. load, 2. export and check, 3. promote, 4. announce, 5. prune. A refusal is told with its evidence, and the
        refused file stays among the candidates.
        """
        if self._is_done(ready.task_seq):
            return
        folder = _folder(ready.uri)
        if not folder.exists():
            self._skip(ready)
            return
        with self.metrics.publish_duration.time():
            try:
                self._promote(ready, _load(folder, ready))
            except (CandidateRefused, FileNotFoundError) as refusal:
                if not folder.exists():  # pruned while it was read
                    self._skip(ready)
                elif isinstance(refusal, CandidateRefused):
                    self._refuse(ready, refusal)
                else:
                    raise

    def _skip(self, ready: CheckpointReady) -> None:
        self.metrics.skipped.labels(self.model).inc()
        _log.info("model=%s task=%d its checkpoint is gone: nothing to publish", self.model, ready.task_seq)

    def _is_done(self, version: int) -> bool:
        """Whether the version is there, or was there and is pruned; one that nobody was told of is announced now."""
        versions = self.registry.versions(self.model)
        if version in versions:
            if version not in self.announcements.announced:
                self.registry.promote(self.model, version)  # clears away what a promotion that was cut off has left
                self._announce(self.registry.manifest(self.model, version))
            return True
        return version in self.announcements.announced and version < min(versions, default=0)

    def _promote(self, ready: CheckpointReady, state: LearnerState) -> None:
        served = served_graph(state)
        candidate = self.exporter.export(served)
        manifest = self._manifest(ready, state, served, candidate)
        if candidate.model_bytes:
            self.registry.add_candidate(manifest, candidate.model_bytes)
        if candidate.refusal is not None:
            raise candidate.refusal
        self.registry.promote(self.model, manifest.version)
        self.metrics.promotions.labels(self.model).inc()
        _log.info("model=%s version=%d is published parity=%s", self.model, manifest.version, manifest.parity)
        self._announce(manifest)
        self.registry.prune(self.model, self.settings.keep_versions, self.settings.keep_candidates)

    def _announce(self, manifest: Manifest) -> None:
        self.announcements.promoted(manifest, self.registry.uri(self.model, manifest.version))

    def _refuse(self, ready: CheckpointReady, refusal: CandidateRefused) -> None:
        self.metrics.refusals.labels(self.model, refusal.reason).inc()
        _log.warning("model=%s task=%d is refused: %s", self.model, ready.task_seq, refusal)
        self.announcements.refused(ready.task_seq, refusal, self.clock())
        self.registry.prune(self.model, self.settings.keep_versions, self.settings.keep_candidates)

    def _manifest(
        self, ready: CheckpointReady, state: LearnerState, served: ServedGraph, candidate: Candidate
    ) -> Manifest:
        return Manifest(
            model=self.model,
            version=ready.task_seq,
            sha256=hashlib.sha256(candidate.model_bytes).hexdigest(),
            size_bytes=len(candidate.model_bytes),
            checkpoint_sha256=ready.sha256,
            task_seq=ready.task_seq,
            latent_size=served.latent_size,
            created_at_ms=self.clock(),
            parity=candidate.difference,
            metrics={
                "live_clusters": state.knowledge.mixture.live_clusters,
                "live_classes": served.table.live_classes,
                "updates": state.updates,
                "images_backpropagated": state.images_backpropagated,
            },
        )


def _read(record: Record) -> CheckpointReady | None:
    """Read an announcement; what is none is told and passed over, but a later release's stops the role."""
    try:
        return CheckpointReady.from_bytes(record.value or b"")
    except UnknownFormat:
        raise
    except InvalidMessage as error:
        _log.error("partition=%d offset=%d is passed over: %s", record.partition, record.offset, error)
        return None


def _folder(uri: str) -> Path:
    return Path(unquote(urlparse(uri).path))


def _load(folder: Path, ready: CheckpointReady) -> LearnerState:
    """Return the checkpoint's state; raise CandidateRefused where it is not the one that was announced."""
    if ready.task_seq < _FIRST_VERSION:
        message = "a version's number begins at 1, Triton passes over 0; the next update's checkpoint will be published"
        raise CandidateRefused(message, reason="version_0", evidence={"version": ready.task_seq})
    try:
        state, _ = load_checkpoint(folder)
        found = content_sha256(folder)
    except CheckpointCorrupt as error:
        raise CandidateRefused(str(error), reason="checkpoint_corrupt", evidence={"cause": str(error)}) from error
    if found != ready.sha256:
        message = f"the checkpoint has sha256 {found[:12]}…, {ready.sha256[:12]}… was announced; publish the next one"
        raise CandidateRefused(message, reason="checkpoint_changed", evidence={"sha256": found})
    return state


def body(role: Role) -> None:
    """Wire a publisher from its settings and run it."""
    streaming = role.settings("stream", StreamSettings)
    settings = role.settings("deploy", DeploySettings)
    topics = Topics(role.flags.model, streaming.topic_prefix)
    torch.set_num_threads(settings.intra_op_threads)
    wait_for_broker(streaming)
    create_topics(streaming, topics)
    metrics = PublishingMetrics(REGISTRY)
    exporter = CandidateExporter(
        TemplateCache(role.home.registry / "templates"),
        settings.parity_tolerance,
        metrics.exports.labels(topics.model).inc,
    )
    registry = Registry(role.flags.registry or str(role.home.registry))
    with BoundedProducer(streaming) as producer, closing(TopicTail(streaming, topics.checkpoints)) as checkpoints:
        announcements = Announcements(producer, streaming, topics)
        publisher = Publisher(topics.model, registry, exporter, announcements, settings, metrics, now_ms)
        publisher.follow(checkpoints, role.stopping)


def main(argv: Sequence[str]) -> int:
    """Run the role; return its exit code."""
    flags = parser("publisher", "Publishes a model's checkpoints as versions.")
    flags.add_argument("--model", required=True, help="the model's name")
    flags.add_argument("--registry", default=None, help="folder or address of the registry (default: in the home)")
    return run_role("publisher", flags, body, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
