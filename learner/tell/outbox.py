"""What a learner tells others: dead letters, replay requests, events, complete checkpoints.

All ids are derived, so telling twice is harmless.
"""

import logging

from learner.save.checkpoint import SavedCheckpoint
from learner.step import Effects
from learner.tell.events import events_of
from stream.dead_letters import DeadLetters
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.ids import derived_id
from stream.messages.replay import ReplayRequest
from stream.process.errors import InvalidMessage

_FLUSH_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Outbox:
    """Sends through one producer; every method returns only when Kafka has what it sent."""

    def __init__(self, producer: BoundedProducer, topics: Topics) -> None:
        self._producer = producer
        self._topics = topics
        self._dead_letters = DeadLetters(producer, topics.frames_dlq, topics.frames)

    def send(self, effects: Effects) -> None:
        """Send a micro-task's dead letters, replay requests and events.

        Raises
        ------
        BrokerUnavailable
            Kafka did not take them all; the task is executed and told again after a restart.
        """
        plan = effects.plan
        for number, rejected in enumerate(effects.rejected):
            _log.warning("task=%d a record is no frame: %s", plan.task_seq, rejected.error)
            self._dead_letters.send(
                rejected.record, rejected.error, derived_id(plan.model, plan.task_seq, "dead-letter", number)
            )
        if effects.resent:
            _log.warning("task=%d %d frames came before and are dropped", plan.task_seq, effects.resent)
        for request in effects.requests:
            self._ask(request)
        for event in events_of(effects):
            _log.info("task=%d %s %s", plan.task_seq, event.kind, dict(event.evidence))
            self._producer.send(self._topics.events, event.id.encode(), event.to_bytes())
        self._producer.flush(_FLUSH_SECONDS)

    def _ask(self, request: ReplayRequest) -> None:
        try:
            self._producer.send(self._topics.replay_requests, request.id.encode(), request.to_bytes())
        except InvalidMessage as error:
            _log.warning("the request %s does not fit, its cluster is only recalled: %s", request.id, error)

    def announce(self, saved: SavedCheckpoint, *, publish: bool) -> None:
        """Send that a checkpoint is complete; see `send` for the error."""
        ready = CheckpointReady(
            id=derived_id(self._topics.model, saved.task_seq, "checkpoint", 0),
            model=self._topics.model,
            task_seq=saved.task_seq,
            uri=saved.folder.as_uri(),
            sha256=saved.sha256,
            publish=publish,
        )
        self._producer.send(self._topics.checkpoints, ready.id.encode(), ready.to_bytes())
        self._producer.flush(_FLUSH_SECONDS)
