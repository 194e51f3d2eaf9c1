"""When the model learns: which update waits, for how many frames, and for what reason."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, Self

from learner.change.detector import DriftSignal
from learner.part import Saved
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class PendingUpdate:
    """An update that waits for frames newer than its cause; ``due_at_ms`` is None until the first of them came.

    The cause is a ``change`` of the world (the first frames are one) or that the longest ``interval`` is nearly over.
    """

    wanted_frames: int
    newer_frames: int
    due_at_ms: int | None
    cause: Literal["change", "interval"] = "change"


@dataclass(frozen=True)
class UpdateSchedule:
    """The pending update, if there is one, and what decides when the next one begins to wait.

    Parameters
    ----------
    quiet_updates
        Updates since the last change of the world: each came because the longest interval was over.
    """

    settings: LearnerSettings
    pending: PendingUpdate | None
    quiet_updates: int = 0

    @classmethod
    def new(cls, settings: LearnerSettings) -> Self:
        """Return a schedule in which the first update waits."""
        return cls(settings, PendingUpdate(settings.warm_up_frames, 0, None))

    @property
    def frames_missing(self) -> int:
        """How many newer frames the pending update still waits for."""
        return 0 if self.pending is None else max(0, self.pending.wanted_frames - self.pending.newer_frames)

    @property
    def longest_interval(self) -> int:
        """After how many frames an update comes though nothing changed."""
        doubled = self.settings.interval_frames << min(self.quiet_updates, 16)
        return min(doubled, self.settings.longest_interval_frames)

    @property
    def world_changed(self) -> bool:
        """Whether the pending update, if there is one, comes from a change of the world."""
        return self.pending is not None and self.pending.cause == "change"

    def is_due(self, now_ms: int) -> bool:
        """Say whether the pending update has its frames, or has waited long enough for them."""
        if self.pending is None:
            return False
        waited = self.pending.due_at_ms is not None and now_ms >= self.pending.due_at_ms
        return waited or self.pending.newer_frames >= self.pending.wanted_frames

    def after_frames(self, frames: int, now_ms: int) -> Self:
        """Return the schedule after newer frames; the first of them starts the pending update's wait."""
        if self.pending is None or not frames:
            return self
        due_at_ms = self.pending.due_at_ms or now_ms + self._patience_ms
        newer_frames = self.pending.newer_frames + frames
        return replace(self, pending=replace(self.pending, newer_frames=newer_frames, due_at_ms=due_at_ms))

    def after_signal(self, signal: DriftSignal, frames: int, now_ms: int) -> Self:
        """Return a schedule whose update waits for frames newer than the signal, which came within ``frames``."""
        pending = PendingUpdate(self.settings.update_frames, 0, now_ms + self._patience_ms)
        return replace(self, pending=pending).after_frames(frames - 1 - signal.frame, now_ms)

    def after_interval(self, window: int) -> Self:
        """Return a schedule whose update waits for the last frames of the longest interval, if these are near.

        Parameters
        ----------
        window
            Frames not yet trained on.
        """
        left = min(self.settings.update_frames, self.longest_interval // 2)
        if self.pending is not None or window < self.longest_interval - left:
            return self
        return replace(self, pending=PendingUpdate(left, 0, None, "interval"))

    def after_update(self) -> Self:
        """Return the schedule after the pending update."""
        return replace(self, pending=None, quiet_updates=0 if self.world_changed else self.quiet_updates + 1)

    def save(self) -> Saved:
        """See `Part.save`."""
        pending = None if self.pending is None else asdict(self.pending)
        return Saved({"pending": pending, "quiet_updates": self.quiet_updates})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`."""
        pending = saved.values["pending"]
        known = {} if pending is None else {name: pending[name] for name in _OF_PENDING}
        return cls(settings, PendingUpdate(**known) if known else None, saved.values["quiet_updates"])

    @property
    def _patience_ms(self) -> int:
        return round(self.settings.update_seconds * 1000)


_OF_PENDING = tuple(one.name for one in fields(PendingUpdate))
