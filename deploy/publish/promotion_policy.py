"""The promotion policy: what pin, unpin and rollback mean. A pure decision: facts in, the new state out.

A rollback never goes back: the old content becomes a new version with the highest number, and is pinned, so that the
learner's next update does not replace it at once. Unpinned, the newest that was learned is served.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deploy.publish.errors import CommandRefused
from deploy.publish.promotion_state import PromotionState, RollForward
from deploy.registry.manifest import Manifest
from stream.messages.command import Command
from stream.messages.event import Evidence

KINDS = ("pin", "unpin", "rollback")


@dataclass(frozen=True)
class ServableVersions:
    """What could be served when a command came."""

    manifests: Sequence[Manifest]
    """Of all versions that can be served, oldest first; the last one answers."""
    highest: int
    """The highest number that is taken."""
    waiting_task: int | None = None
    """The newest checkpoint that waits for the pin to be taken away; None where none does."""

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


def decide(state: PromotionState, command: Command, versions: ServableVersions) -> tuple[PromotionState, Evidence]:
    """Return the state after ``command``, and the evidence of its event.

    Raises
    ------
    CommandRefused
        It has no effect, and why.
    """
    if command.model != state.model:
        message = f"it is for model {command.model!r:.80}"
        raise CommandRefused(message, reason="other_model")
    settled = replace(state, roll_forward=None, settled_task=max(state.settled_task, versions.newest_task))
    decided = _unpin(settled, versions) if command.kind == "unpin" else _pin(settled, command, versions)
    rolled = decided.roll_forward
    version = versions.live.version if rolled is None else rolled.number
    evidence: dict[str, str | int] = {"command": command.id, "version": version}
    if rolled is not None:
        evidence["rolled_back_from"] = rolled.source
    elif command.kind == "unpin" and versions.waiting_task is not None:
        evidence["waiting_task"] = versions.waiting_task
    return decided, evidence


def _pin(state: PromotionState, command: Command, versions: ServableVersions) -> PromotionState:
    """Pin what answers, or an older content under a new number."""
    live, asked = versions.live, command.arguments.get("version")
    wanted = live if asked is None and command.kind == "pin" else versions.version(asked)
    if wanted.sha256 != live.sha256:
        forward = RollForward(wanted.version, versions.highest + 1)
        return replace(state, pinned=forward.number, roll_forward=forward)
    if command.kind == "rollback":
        message = f"the content of version {wanted.version} answers already, as version {live.version}; pin it instead"
        raise CommandRefused(message, reason="already_live")
    return replace(state, pinned=live.version)


def _unpin(state: PromotionState, versions: ServableVersions) -> PromotionState:
    """Let promotion go on, with the newest that was learned: the older ones that wait are passed over."""
    if state.pinned is None:
        message = "nothing is pinned; `r2r models pin` pins what answers"
        raise CommandRefused(message, reason="not_pinned")
    unpinned = replace(state, pinned=None)
    if versions.waiting_task is not None:
        return replace(unpinned, settled_task=max(unpinned.settled_task, versions.waiting_task - 1))
    live, newest = versions.live, versions.newest_learned
    if newest.sha256 == live.sha256:
        return unpinned
    return replace(unpinned, roll_forward=RollForward(newest.version, versions.highest + 1))
