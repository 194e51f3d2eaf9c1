"""Carries out pin, unpin and rollback, so that each has its effect once, whenever the process dies."""

import logging
from collections.abc import Callable
from dataclasses import replace

from deploy.errors import CommandRefused, ModelNotFound, RegistryError
from deploy.publish.announcements import Announcements
from deploy.publish.promotion_commands import KINDS, Shelf, decide
from deploy.publish.steering import Steering, SteeringFile
from deploy.registry.manifest import Manifest
from deploy.registry.versions import Registry
from stream.log import Record
from stream.messages.control import Command, Event, Evidence, derived_id
from stream.process.errors import InvalidMessage

_MOST_OBEYED = 256
_log = logging.getLogger(__name__)


class Helm:
    """Says which versions are served, on a person's word.

    The one write of `SteeringFile` is the command's effect; what follows from it, in the registry and on the topics,
    is done by `resume`, which may be repeated.

    Parameters
    ----------
    commands_topic
        The id of the topic of commands: its offsets mean nothing in another one.
    clock
        Unix milliseconds.
    """

    def __init__(
        self,
        registry: Registry,
        announcements: Announcements,
        file: SteeringFile,
        commands_topic: str,
        clock: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._announcements = announcements
        self._file = file
        self._clock = clock
        steering = file.load()
        begins_anew = steering.commands_topic != commands_topic
        offset = 0 if begins_anew else steering.commands_offset
        self._steering = replace(steering, commands_topic=commands_topic, commands_offset=offset)
        self._published_task = self._shelf(None).newest_task

    @property
    def pinned(self) -> int | None:
        """The version that is to go on answering."""
        return self._steering.pinned

    @property
    def settled_task(self) -> int:
        """No checkpoint up to this task is published any more."""
        return max(self._steering.settled_task, self._published_task)

    def note_published(self, task_seq: int) -> None:
        """Note that a version of this task's checkpoint is in the registry."""
        self._published_task = max(self._published_task, task_seq)

    def obey(self, record: Record, waiting_task: int | None) -> None:
        """Carry out a command; steps over those of others and those that were carried out before.

        1. read, 2. decide, 3. make it durable, 4. `resume`.
        """
        command = self._read(record)
        if command is None:
            return
        try:
            decided, evidence = decide(self._steering, command, self._shelf(waiting_task))
            self._check_content(decided)
            kind = command.kind
        except CommandRefused as refusal:
            decided, kind = self._steering, "command_refused"
            evidence = {"command": command.id, "reason": refusal.reason, "message": str(refusal)}
        self._steer(decided, command, record.offset, self._event(kind, record.offset, evidence))
        self.resume()

    def resume(self) -> None:
        """Do what follows from the steering, as far as it is not done.

        1. roll the old content forward, 2. `tell_versions`, 3. tell what became of the newest command.
        """
        self._roll_forward()
        self.tell_versions()
        if self._steering.outcome is not None:
            self._announcements.decided(self._steering.outcome)

    def tell_versions(self) -> None:
        """Announce the versions that nobody was told of, and take back the announcements of those that are gone."""
        model, announced = self._steering.model, self._announcements.announced
        there = self._registry.versions(model)
        for version in sorted(set(there) - announced):
            self._registry.promote(model, version)  # clears away what a promotion that was cut off has left
            manifest = self._manifest(version)
            if manifest is not None:
                self._announcements.promoted(manifest, self._registry.uri(model, version))
        self._announcements.gone(sorted(announced - set(there)))

    def _read(self, record: Record) -> Command | None:
        """Return a command that is to be obeyed; None where it was, or is another role's, or is none."""
        if record.offset < self._steering.commands_offset:
            return None
        try:
            command = Command.from_bytes(record.value or b"")
        except InvalidMessage as error:  # the learner tells of it
            _log.warning("the record at offset %d is no command: %s", record.offset, error)
            return None
        whole = isinstance(command.id, str) and isinstance(command.arguments, dict)
        return command if whole and command.kind in KINDS and command.id not in self._steering.obeyed else None

    def _check_content(self, decided: Steering) -> None:
        """Raise CommandRefused where the old content cannot be served any more."""
        if decided.roll_forward is None:
            return
        try:
            self._registry.read_model(decided.model, decided.roll_forward.source)
        except (RegistryError, ModelNotFound) as error:
            raise CommandRefused(str(error), reason="version_broken") from error

    def _steer(self, decided: Steering, command: Command, offset: int, outcome: Event) -> None:
        obeyed = (*self._steering.obeyed, command.id)[-_MOST_OBEYED:]
        self._steering = replace(decided, commands_offset=offset + 1, obeyed=obeyed, outcome=outcome)
        self._file.save(self._steering)
        _log.info("model=%s %s %s", decided.model, outcome.kind, dict(outcome.evidence))

    def _roll_forward(self) -> None:
        """Give the old content its new number, unless a version of that number was there."""
        model, forward, outcome = self._steering.model, self._steering.roll_forward, self._steering.outcome
        if forward is None or outcome is None or forward.number <= (self._registry.latest(model) or 0):
            return
        old = self._registry.manifest(model, forward.source)
        new = replace(old, version=forward.number, created_at_ms=outcome.at_ms, rolled_back_from=forward.source)
        self._registry.add_candidate(new, self._registry.read_model(model, forward.source))
        self._registry.promote(model, forward.number)

    def _event(self, kind: str, offset: int, evidence: Evidence) -> Event:
        """Name the outcome by the command's place, so that it is the same however often it is told."""
        model, version = self._steering.model, evidence.get("version")
        number = version if isinstance(version, int) else self._registry.latest(self._steering.model) or 0
        return Event(derived_id(model, number, kind, offset), model, number, kind, self._clock(), evidence)

    def _shelf(self, waiting_task: int | None) -> Shelf:
        versions = self._registry.versions(self._steering.model)
        manifests = [manifest for manifest in map(self._manifest, versions) if manifest is not None]
        return Shelf(manifests, max(versions, default=0), waiting_task)

    def _manifest(self, version: int) -> Manifest | None:
        """Return a version's manifest; None where it cannot be served, as the server passes it over too."""
        try:
            return self._registry.manifest(self._steering.model, version)
        except (RegistryError, ModelNotFound) as error:
            _log.warning("model=%s version=%d is passed over: %s", self._steering.model, version, error)
            return None
