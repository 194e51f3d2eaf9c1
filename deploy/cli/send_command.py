"""A person's command to a running model: one record on ``commands``, and the event that has its outcome."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing

from deploy.cli.errors import CommandUnanswered
from deploy.publish.errors import CommandRefused
from deploy.roles import LEARNER, PUBLISHER
from deploy.status.newest_records import NewestRecords
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.log import Record
from stream.messages.command import Command
from stream.messages.event import Event
from stream.process.deadline import Deadline
from stream.process.errors import InvalidMessage
from stream.process.settings import StreamSettings

_POLL_SECONDS = 0.5
_FLUSH_SECONDS = 10.0
_REFUSED = "command_refused"


def new_command(model: str, kind: str, arguments: Mapping[str, str | int], at_ms: int) -> Command:
    """Return a command whose id is derived from what it asks and when: sent again it is the same one.

    Examples
    --------
    >>> new_command("digits", "pin", {}, 17).id
    'digits/command/pin/42c834c2903e'
    """
    facts = json.dumps([model, kind, dict(arguments), at_ms], sort_keys=True)
    name = hashlib.sha256(facts.encode()).hexdigest()[:12]
    return Command(f"{model}/command/{kind}/{name}", model, kind, arguments, at_ms)


def send_command(settings: StreamSettings, topics: Topics, command: Command, wait_seconds: float) -> Event:
    """Send a command and return its outcome.

    1. find the end of the events, 2. write the command, 3. wait for the event that names it.

    Raises
    ------
    CommandRefused
        It has no effect.
    CommandUnanswered
        No event has named it within ``wait_seconds``.
    BrokerUnavailable, TopicMissing
        Kafka does not answer, or knows nothing of the model.
    """
    with closing(NewestRecords(settings, topics.events, newest=0)) as events:
        with BoundedProducer(settings) as producer:
            producer.send(topics.commands, command.id.encode(), command.to_bytes())
            producer.flush(_FLUSH_SECONDS)
        deadline = Deadline(wait_seconds)
        while not deadline.expired:
            for record in events.next_records(min(_POLL_SECONDS, deadline.remaining_seconds)):
                event = outcome_in(record, command)
                if event is not None:
                    return _unless_refused(event)
    role = LEARNER.name if command.kind == "name" else PUBLISHER.name
    message = (
        f"nobody has answered within {wait_seconds:g} s, but the command stands on {topics.commands} and takes effect "
        f"when the {role} of model {topics.model} comes to it; see `r2r status`"
    )
    raise CommandUnanswered(message)


def outcome_in(record: Record, command: Command) -> Event | None:
    """Return the event in a record if it is the outcome of the command."""
    try:
        event = Event.from_bytes(record.value or b"")
    except InvalidMessage:
        return None
    return event if event.evidence.get("command") == command.id else None


def _unless_refused(event: Event) -> Event:
    if event.kind == _REFUSED:
        raise CommandRefused(str(event.evidence["message"]), reason=str(event.evidence["reason"]))
    return event
