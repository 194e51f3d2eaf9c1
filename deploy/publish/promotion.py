"""Carries out what the promotion policy decides: each command has its effect once, whenever the process dies."""

import logging
from collections.abc import Callable
from dataclasses import replace

from deploy.publish.announcements import Announcements
from deploy.publish.errors import CommandRefused
from deploy.publish.promotion_policy import KINDS, ServableVersions, decide
from deploy.publish.promotion_state import PromotionState, PromotionStateFile
from deploy.registry.errors import ModelNotFound, RegistryError
from deploy.registry.manifest import Manifest
from deploy.registry.versions import Registry
from stream.log import Record
from stream.messages.command import Command
from stream.messages.event import Event, Evidence
from stream.messages.ids import derived_id
from stream.process.errors import InvalidMessage

_MOST_APPLIED = 256
_log = logging.getLogger(__name__)


class PromotionController:
    """Applies people's commands to what is served.

    The one write of `PromotionStateFile` is the command's effect. What follows from it, in the registry and on the
    topics, is done by `resume`, which may be repeated.

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
        file: PromotionStateFile,
        commands_topic: str,
        clock: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._announcements = announcements
        self._file = file
        self._clock = clock
        state = file.load()
        begins_anew = state.commands_topic != commands_topic
        offset = 0 if begins_anew else state.commands_offset
        self._state = replace(state, commands_topic=commands_topic, commands_offset=offset)
        self._published_task = self._servable(None).newest_task

    @property
    def pinned(self) -> int | None:
        """The version that is to go on answering."""
        return self._state.pinned

    @property
    def settled_task(self) -> int:
        """No checkpoint up to this task is published any more."""
        return max(self._state.settled_task, self._published_task)

    def note_published(self, task_seq: int) -> None:
        """Note that a version of this task's checkpoint is in the registry."""
        self._published_task = max(self._published_task, task_seq)

    def apply(self, record: Record, waiting_task: int | None) -> None:
        """Apply a command; step over those of others and those that were applied before.

        1. read, 2. decide, 3. make it durable, 4. `resume`.
        """
        command = self._read(record)
        if command is None:
            return
        try:
            decided, evidence = decide(self._state, command, self._servable(waiting_task))
            self._check_content(decided)
            kind = command.kind
        except CommandRefused as refusal:
            decided, kind = self._state, "command_refused"
            evidence = {"command": command.id, "reason": refusal.reason, "message": str(refusal)}
        self._save(decided, command, record.offset, self._event(kind, record.offset, evidence))
        self.resume()

    def resume(self) -> None:
        """Do what follows from the state, as far as it is not done.

        1. roll the old content forward, 2. `announce_versions`, 3. announce the outcome of the newest command.
        """
        self._roll_forward()
        self.announce_versions()
        if self._state.outcome is not None:
            self._announcements.announce_outcome(self._state.outcome)

    def announce_versions(self) -> None:
        """Announce the versions that are not announced yet, and withdraw those that are gone."""
        model, announced = self._state.model, self._announcements.announced
        there = self._registry.versions(model)
        for version in sorted(set(there) - announced):
            self._registry.promote(model, version)  # clears away what a promotion that was cut off has left
            manifest = self._manifest(version)
            if manifest is not None:
                self._announcements.announce_version(manifest, self._registry.uri(model, version))
        self._announcements.withdraw(sorted(announced - set(there)))

    def _read(self, record: Record) -> Command | None:
        """Return a command that is to be applied; None where it was, or is another role's, or is none."""
        if record.offset < self._state.commands_offset:
            return None
        try:
            command = Command.from_bytes(record.value or b"")
        except InvalidMessage as error:  # the learner reports it
            _log.warning("the record at offset %d is no command: %s", record.offset, error)
            return None
        return command if command.kind in KINDS and command.id not in self._state.applied else None

    def _check_content(self, decided: PromotionState) -> None:
        """Raise CommandRefused where the old content cannot be served any more."""
        if decided.roll_forward is None:
            return
        try:
            self._registry.read_model(decided.model, decided.roll_forward.source)
        except (RegistryError, ModelNotFound) as error:
            raise CommandRefused(str(error), reason="version_broken") from error

    def _save(self, decided: PromotionState, command: Command, offset: int, outcome: Event) -> None:
        applied = (*self._state.applied, command.id)[-_MOST_APPLIED:]
        self._state = replace(decided, commands_offset=offset + 1, applied=applied, outcome=outcome)
        self._file.save(self._state)
        _log.info("model=%s %s %s", decided.model, outcome.kind, dict(outcome.evidence))

    def _roll_forward(self) -> None:
        """Give the old content its new number, unless a version of that number was there."""
        model, forward, outcome = self._state.model, self._state.roll_forward, self._state.outcome
        if forward is None or outcome is None or forward.number <= (self._registry.latest(model) or 0):
            return
        old = self._registry.manifest(model, forward.source)
        new = replace(old, version=forward.number, created_at_ms=outcome.at_ms, rolled_back_from=forward.source)
        self._registry.add_candidate(new, self._registry.read_model(model, forward.source))
        self._registry.promote(model, forward.number)

    def _event(self, kind: str, offset: int, evidence: Evidence) -> Event:
        """Name the outcome by the command's place, so that it is the same however often it is announced."""
        model, version = self._state.model, evidence.get("version")
        number = version if isinstance(version, int) else self._registry.latest(self._state.model) or 0
        return Event(derived_id(model, number, kind, offset), model, number, kind, self._clock(), evidence)

    def _servable(self, waiting_task: int | None) -> ServableVersions:
        versions = self._registry.versions(self._state.model)
        manifests = [manifest for manifest in map(self._manifest, versions) if manifest is not None]
        return ServableVersions(manifests, max(versions, default=0), waiting_task)

    def _manifest(self, version: int) -> Manifest | None:
        """Return a version's manifest; None where it cannot be served, as the server passes it over too."""
        try:
            return self._registry.manifest(self._state.model, version)
        except (RegistryError, ModelNotFound) as error:
            _log.warning("model=%s version=%d is passed over: %s", self._state.model, version, error)
            return None
