"""What the publisher tells: versions on ``models``, decisions on ``events``. Ids are derived: twice is harmless."""

from deploy.errors import CandidateRefused
from deploy.registry.manifest import Manifest
from stream.consumer import read_topic
from stream.messages import Event, Evidence, ModelVersion, derived_id
from stream.producer import BoundedProducer
from stream.settings import StreamSettings
from stream.topics import Topics

_FLUSH_SECONDS = 30.0


class Announcements:
    """Sends through one producer; every method returns only when Kafka has what it sent, or raises BrokerUnavailable.

    ``announced`` holds the versions that are told already, by this process or an earlier one.
    """

    def __init__(self, producer: BoundedProducer, settings: StreamSettings, topics: Topics) -> None:
        self._producer = producer
        self._topics = topics
        records = read_topic(settings, topics.models)
        self.announced = {ModelVersion.from_bytes(record.value).version for record in records if record.value}

    def promoted(self, manifest: Manifest, uri: str) -> None:
        """Tell the decision first and the version last: a version that is announced has its event."""
        evidence: Evidence = {
            "version": manifest.version,
            "sha256": manifest.sha256,
            "parity": manifest.parity or 0.0,
            **manifest.metrics,
        }
        self._event("promotion", manifest.task_seq, manifest.created_at_ms, evidence)
        version = ModelVersion(manifest.model, manifest.version, uri, manifest.sha256, manifest.metrics)
        self._producer.send(self._topics.models, str(manifest.version).encode(), version.to_bytes())
        self._producer.flush(_FLUSH_SECONDS)
        self.announced.add(manifest.version)

    def refused(self, task_seq: int, refusal: CandidateRefused, at_ms: int) -> None:
        """Tell why a candidate is not served."""
        self._event("refusal", task_seq, at_ms, {"reason": refusal.reason, "message": str(refusal), **refusal.evidence})
        self._producer.flush(_FLUSH_SECONDS)

    def _event(self, kind: str, task_seq: int, at_ms: int, evidence: Evidence) -> None:
        model = self._topics.model
        event = Event(derived_id(model, task_seq, kind, 0), model, task_seq, kind, at_ms, evidence)
        self._producer.send(self._topics.events, event.id.encode(), event.to_bytes())
