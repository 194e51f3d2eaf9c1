"""``python -m deploy.publish.publisher --model NAME``: checkpoints become versions.

It keeps no position in the checkpoints: what is to be done is what their topic asks for after the newest that is
settled. A person may pin what is served or roll it back (`deploy.publish.promotion`); checkpoints wait while it is
pinned. Killed between any two lines and started again, it ends with the same registry; an announcement may come twice,
under one id.
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

from deploy.metrics import PublishingMetrics
from deploy.publish.announcements import Announcements
from deploy.publish.candidate import Candidate, CandidateExporter
from deploy.publish.errors import CandidateRefused
from deploy.publish.promotion import PromotionController
from deploy.publish.promotion_state import PromotionStateFile
from deploy.publish.served_graph import ServedGraph, served_graph
from deploy.publish.template_cache import TemplateCache
from deploy.registry.manifest import Manifest
from deploy.registry.versions import Registry
from deploy.roles import PUBLISHER
from deploy.settings import DeploySettings
from learner.model.contract import live_ids
from learner.save.checkpoint import content_sha256, load_checkpoint
from learner.state import LearnerState
from stream.kafka.admin import create_topics, describe_topic, wait_for_broker
from stream.kafka.consumer import TopicTail
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.log import Record
from stream.messages.checkpoint_ready import CheckpointReady
from stream.process.clock import now_ms
from stream.process.deadline import Deadline
from stream.process.errors import CheckpointCorrupt, InvalidMessage, UnknownFormat
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.2
_CATCH_UP_SECONDS = 10.0
_FIRST_VERSION = 1


@dataclass
class Publisher:
    """Takes one checkpoint after the other into the registry; `body` wires it."""

    model: str
    registry: Registry
    exporter: CandidateExporter
    announcements: Announcements
    promotion: PromotionController
    settings: DeploySettings
    metrics: PublishingMetrics
    clock: Callable[[], int]
    waiting: CheckpointReady | None = None
    """The newest checkpoint that came while a version was pinned."""

    def follow(self, checkpoints: TopicTail, commands: TopicTail, stopping: Flag) -> None:
        """Publish what the topic asks for, from its beginning on, and apply commands, until ``stopping`` is set."""
        self.resume()
        if self.promotion.pinned is None:  # while one is pinned, commands wait until the newest checkpoint is known
            self._apply_all(commands, stopping)
        while not stopping.is_set():
            for record in checkpoints.next_records(_POLL_SECONDS):
                ready = _read(record)
                if ready is not None and ready.publish and not stopping.is_set():
                    self.publish(ready)
                if self.promotion.pinned is None:
                    self._apply_next(commands)
            if checkpoints.caught_up:
                self._apply_next(commands)

    def resume(self) -> None:
        """Finish what an earlier process began."""
        self.promotion.resume()
        self._report_pin()

    def publish(self, ready: CheckpointReady) -> None:
        """Publish one checkpoint, unless that was done before or a version is pinned.

        1. load, 2. export and check, 3. promote, 4. announce, 5. prune. A refusal is announced with its evidence. The
        refused file stays among the candidates.
        """
        if _FIRST_VERSION <= ready.task_seq <= self.promotion.settled_task:
            return
        if self.promotion.pinned is not None:
            self.waiting = ready
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

    def apply(self, record: Record) -> None:
        """Apply a command; once nothing is pinned any more, the newest checkpoint that waited is published."""
        self.promotion.apply(record, None if self.waiting is None else self.waiting.task_seq)
        self._report_pin()
        if self.waiting is not None and self.promotion.pinned is None:
            ready, self.waiting = self.waiting, None
            self.publish(ready)

    def _apply_all(self, commands: TopicTail, stopping: Flag) -> None:
        deadline = Deadline(_CATCH_UP_SECONDS)
        while not (commands.caught_up or deadline.expired or stopping.is_set()):
            self._apply_next(commands, _POLL_SECONDS)

    def _apply_next(self, commands: TopicTail, timeout_seconds: float = 0.0) -> None:
        for record in commands.next_records(timeout_seconds):
            self.apply(record)

    def _report_pin(self) -> None:
        self.metrics.pinned_version.labels(self.model).set(self.promotion.pinned or 0)

    def _skip(self, ready: CheckpointReady) -> None:
        self.metrics.skipped.labels(self.model).inc()
        _log.info("model=%s task=%d its checkpoint is gone: nothing to publish", self.model, ready.task_seq)

    def _promote(self, ready: CheckpointReady, state: LearnerState) -> None:
        served = served_graph(state)
        candidate = self.exporter.export(served)
        manifest = self._manifest(ready, state, served, candidate)
        if candidate.model_bytes:
            self.registry.add_candidate(manifest, candidate.model_bytes)
        if candidate.refusal is not None:
            raise candidate.refusal
        self.registry.promote(self.model, manifest.version)
        self.promotion.note_published(ready.task_seq)
        self.metrics.promotions.labels(self.model).inc()
        _log.info("model=%s version=%d is published parity=%s", self.model, manifest.version, manifest.parity)
        self.announcements.announce_version(manifest, self.registry.uri(self.model, manifest.version))
        self.registry.prune(self.model, self.settings.keep_versions, self.settings.keep_candidates)
        self.promotion.announce_versions()

    def _refuse(self, ready: CheckpointReady, refusal: CandidateRefused) -> None:
        self.metrics.refusals.labels(self.model, refusal.reason).inc()
        _log.warning("model=%s task=%d is refused: %s", self.model, ready.task_seq, refusal)
        self.announcements.announce_refusal(ready.task_seq, refusal, self.clock())
        self.registry.prune(self.model, self.settings.keep_versions, self.settings.keep_candidates)

    def _manifest(
        self, ready: CheckpointReady, state: LearnerState, served: ServedGraph, candidate: Candidate
    ) -> Manifest:
        return Manifest(
            model=self.model,
            version=max(ready.task_seq, (self.registry.latest(self.model) or 0) + 1),
            sha256=hashlib.sha256(candidate.model_bytes).hexdigest(),
            size_bytes=len(candidate.model_bytes),
            checkpoint_sha256=ready.sha256,
            task_seq=ready.task_seq,
            latent_size=served.latent_size,
            created_at_ms=self.clock(),
            parity=candidate.difference,
            metrics={
                "live_clusters": len(live_ids(state.model)),
                "live_classes": served.table.live_classes,
                "updates": state.progress.updates,
                "images_backpropagated": state.progress.images_backpropagated,
            },
        )


def _read(record: Record) -> CheckpointReady | None:
    """Read an announcement; what is none is logged and passed over, but a later release's stops the role."""
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
        state = load_checkpoint(folder)
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
    root = role.flags.registry or str(role.home.registry)
    registry = Registry(root)
    with (
        BoundedProducer(streaming) as producer,
        closing(TopicTail(streaming, topics.checkpoints)) as checkpoints,
        closing(TopicTail(streaming, topics.commands)) as commands,
    ):
        announcements = Announcements(producer, streaming, topics)
        topic_id = describe_topic(streaming, topics.commands).topic_id
        state_file = PromotionStateFile(root, topics.model)
        promotion = PromotionController(registry, announcements, state_file, topic_id, now_ms)
        publisher = Publisher(topics.model, registry, exporter, announcements, promotion, settings, metrics, now_ms)
        publisher.follow(checkpoints, commands, role.stopping)


def main(argv: Sequence[str]) -> int:
    """Run the role; return its exit code."""
    flags = parser(PUBLISHER.name, "Publishes a model's checkpoints as versions.")
    flags.add_argument("--model", required=True, help="the model's name")
    flags.add_argument("--registry", default=None, help="folder or address of the registry (default: in the home)")
    return run_role(PUBLISHER.name, flags, body, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
