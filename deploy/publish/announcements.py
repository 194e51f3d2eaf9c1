"""What the publisher announces: versions on ``models``, decisions on ``events``. Ids are derived: twice is harmless."""

from collections.abc import Sequence

from deploy.publish.errors import CandidateRefused
from deploy.registry.manifest import Manifest
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.event import Event, Evidence
from stream.messages.ids import derived_id
from stream.messages.model_version import ModelVersion
from stream.process.settings import StreamSettings

_FLUSH_SECONDS = 30.0


class Announcements:
    """Sends through one producer; every method returns only when Kafka has what it sent, or raises BrokerUnavailable.

    ``announced`` holds the versions that this process or an earlier one has announced, without those withdrawn.
    """

    def __init__(self, producer: BoundedProducer, settings: StreamSettings, topics: Topics) -> None:
        self._producer = producer
        self._topics = topics
        newest = {record.key: record.value for record in read_topic(settings, topics.models)}
        self.announced = {ModelVersion.from_bytes(value).version for value in newest.values() if value}

    def announce_version(self, manifest: Manifest, uri: str) -> None:
        """Send the decision first and the version last: a version that is announced has its event."""
        evidence: Evidence = {
            "version": manifest.version,
            "sha256": manifest.sha256,
            "parity": manifest.parity or 0.0,
            **manifest.metrics,
        }
        source = manifest.rolled_back_from
        if source is None:
            name = derived_id(manifest.model, manifest.task_seq, "promotion", 0)
        else:  # its checkpoint had its promotion before
            name = derived_id(manifest.model, manifest.version, "promotion", 1)
            evidence = {**evidence, "rolled_back_from": source}
        self._send(Event(name, manifest.model, manifest.task_seq, "promotion", manifest.created_at_ms, evidence))
        version = ModelVersion(manifest.model, manifest.version, uri, manifest.sha256, manifest.metrics)
        self._producer.send(self._topics.models, str(manifest.version).encode(), version.to_bytes())
        self._producer.flush(_FLUSH_SECONDS)
        self.announced.add(manifest.version)

    def announce_refusal(self, task_seq: int, refusal: CandidateRefused, at_ms: int) -> None:
        """Send why a candidate is not served."""
        model = self._topics.model
        evidence: Evidence = {"reason": refusal.reason, "message": str(refusal), **refusal.evidence}
        self._send(Event(derived_id(model, task_seq, "refusal", 0), model, task_seq, "refusal", at_ms, evidence))
        self._producer.flush(_FLUSH_SECONDS)

    def announce_outcome(self, outcome: Event) -> None:
        """Send the outcome of a command."""
        self._send(outcome)
        self._producer.flush(_FLUSH_SECONDS)

    def withdraw(self, versions: Sequence[int]) -> None:
        """Send a tombstone for each version that is pruned, so that compaction drops its announcement."""
        for version in versions:
            self._producer.send(self._topics.models, str(version).encode(), None)
        self._producer.flush(_FLUSH_SECONDS)
        self.announced.difference_update(versions)

    def _send(self, event: Event) -> None:
        self._producer.send(self._topics.events, event.id.encode(), event.to_bytes())
