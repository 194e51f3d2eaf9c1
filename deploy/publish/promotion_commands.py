"""What pin, unpin and rollback mean, decided without touching anything: facts in, the new steering out.

A rollback never goes back: the old content becomes a new version with the highest number, and is pinned, so that the
learner's next update does not replace it at once. Unpinned, the newest that was learned is served.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deploy.errors import CommandRefused
from deploy.publish.steering import RollForward, Steering
from deploy.registry.manifest import Manifest
from stream.messages.control import Command, Evidence

KINDS = ("pin", "unpin", "rollback")


@dataclass(frozen=True)
class Shelf:
    """What could be served when a command came.

    Parameters
    ----------
    manifests
        Of all versions that can be served, oldest first; the last one answers.
    highest
        The highest number that is taken.
    waiting_task
        The newest checkpoint that waits for the pin to be taken away; None where none does.
    """

    manifests: Sequence[Manifest]
    highest: int
    waiting_task: int | None = None

    @property
    def live(self) -> Manifest:
        """The version that answers; raise CommandRefused before the first."""
        if not self.manifests:
            message = "there is no version yet; wait for the learner's first update"
            raise CommandRefused(message, reason="no_version")
        return self.manifests[-1]

    def version(self, number: object) -> Manifest:
        """Return a version's manifest; raise CommandRefused where there is none of this number."""
        found = [manifest for manifest in self.manifests if type(number) is int and manifest.version == number]
        if not found:
            message = f"there is no version {number!r:.40}; `r2r models list` lists those there are"
            raise CommandRefused(message, reason="unknown_version")
        return found[0]

    @property
    def newest_learned(self) -> Manifest:
        """The version of the newest checkpoint, whatever answers now."""
        return max(self.manifests, key=lambda manifest: (manifest.task_seq, manifest.rolled_back_from is None))

    @property
    def newest_task(self) -> int:
        """The newest checkpoint that became a version; 0 before the first."""
        return max((manifest.task_seq for manifest in self.manifests), default=0)


def decide(steering: Steering, command: Command, shelf: Shelf) -> tuple[Steering, Evidence]:
    """Return the steering after ``command``, and what is to be told of it.

    Raises
    ------
    CommandRefused
        It has no effect, and why.
    """
    if command.model != steering.model:
        message = f"it is for model {command.model!r:.80}"
        raise CommandRefused(message, reason="other_model")
    settled = replace(steering, roll_forward=None, settled_task=max(steering.settled_task, shelf.newest_task))
    decided = _unpin(settled, shelf) if command.kind == "unpin" else _pin(settled, command, shelf)
    rolled = decided.roll_forward
    version = shelf.live.version if rolled is None else rolled.number
    evidence: dict[str, str | int] = {"command": command.id, "version": version}
    if rolled is not None:
        evidence["rolled_back_from"] = rolled.source
    elif command.kind == "unpin" and shelf.waiting_task is not None:
        evidence["waiting_task"] = shelf.waiting_task
    return decided, evidence


def _pin(steering: Steering, command: Command, shelf: Shelf) -> Steering:
    """Pin what answers, or an older content under a new number."""
    live, asked = shelf.live, command.arguments.get("version")
    wanted = live if asked is None and command.kind == "pin" else shelf.version(asked)
    if wanted.sha256 != live.sha256:
        forward = RollForward(wanted.version, shelf.highest + 1)
        return replace(steering, pinned=forward.number, roll_forward=forward)
    if command.kind == "rollback":
        message = f"the content of version {wanted.version} answers already, as version {live.version}; pin it instead"
        raise CommandRefused(message, reason="already_live")
    return replace(steering, pinned=live.version)


def _unpin(steering: Steering, shelf: Shelf) -> Steering:
    """Let promotion go on, with the newest that was learned: the older ones that wait are passed over."""
    if steering.pinned is None:
        message = "nothing is pinned; `r2r models pin` pins what answers"
        raise CommandRefused(message, reason="not_pinned")
    unpinned = replace(steering, pinned=None)
    if shelf.waiting_task is not None:
        return replace(unpinned, settled_task=max(unpinned.settled_task, shelf.waiting_task - 1))
    live, newest = shelf.live, shelf.newest_learned
    if newest.sha256 == live.sha256:
        return unpinned
    return replace(unpinned, roll_forward=RollForward(newest.version, shelf.highest + 1))
