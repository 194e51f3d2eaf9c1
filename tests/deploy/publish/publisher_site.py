"""One model's checkpoints, topics and registry, with a publisher over them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from deploy.metrics import PublishingMetrics
from deploy.publish.announcements import Announcements
from deploy.publish.candidate import CandidateExporter
from deploy.publish.promotion import PromotionController
from deploy.publish.promotion_state import PromotionStateFile
from deploy.publish.publisher import Publisher
from deploy.publish.template_cache import TemplateCache
from deploy.registry.versions import Registry
from deploy.settings import DeploySettings
from learner.faults import Faults
from learner.save.checkpoint import CheckpointStore
from learner.state import LearnerState
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.event import Event
from stream.messages.ids import derived_id
from stream.messages.model_version import ModelVersion
from stream.process.settings import StreamSettings

MODEL = "digits"


def _ignore() -> None:
    """Count nothing."""


def _clock() -> int:
    return 17


class Site:
    """One model's checkpoints, topics and registry, with a publisher to be opened over them."""

    def __init__(self, home: Path, streaming: StreamSettings, templates: TemplateCache) -> None:
        self.home = home
        self.streaming = streaming
        self.topics = Topics(MODEL, streaming.topic_prefix)
        self.registry = Registry(str(home / "registry"))
        self.counted = CollectorRegistry()
        self._templates = templates
        self._metrics = PublishingMetrics(self.counted)
        self._store = CheckpointStore(home / "checkpoints", MODEL, keep=10, faults=Faults())

    @contextmanager
    def publisher(
        self, tolerance: float = 1e-4, keep_versions: int = 100, announcing: type[Announcements] = Announcements
    ) -> Iterator[Publisher]:
        exporter = CandidateExporter(self._templates, tolerance, _ignore)
        settings = DeploySettings(keep_versions=keep_versions)
        with BoundedProducer(self.streaming) as producer:
            announcements = announcing(producer, self.streaming, self.topics)
            file = PromotionStateFile(str(self.home / "registry"), MODEL)
            promotion = PromotionController(self.registry, announcements, file, "topic", _clock)
            publisher = Publisher(
                MODEL, self.registry, exporter, announcements, promotion, settings, self._metrics, _clock
            )
            publisher.resume()
            yield publisher

    def checkpoint(self, state: LearnerState, *, publish: bool = True) -> CheckpointReady:
        saved = self._store.save(state, {}, now_ms=0)
        number = derived_id(MODEL, saved.task_seq, "checkpoint", 0)
        return CheckpointReady(number, MODEL, saved.task_seq, saved.folder.as_uri(), saved.sha256, publish)

    def announced_versions(self) -> list[ModelVersion]:
        newest = {record.key: record.value for record in read_topic(self.streaming, self.topics.models)}
        return [ModelVersion.from_bytes(value) for value in newest.values() if value]

    def events(self) -> list[Event]:
        return [Event.from_bytes(r.value or b"") for r in read_topic(self.streaming, self.topics.events)]
