"""Everything a learner knows at one point of its stream: what a checkpoint holds and `execute` carries forward."""

from dataclasses import dataclass, field, replace

from learner.drift import DriftDetector, DriftSignal
from learner.knowledge import Knowledge, Scores
from learner.resends import ResendWindows
from learner.settings import LearnerSettings
from learner.window import TrainingWindow
from stream.messages import TaskPlan


@dataclass(frozen=True)
class PendingUpdate:
    """An update that waits for frames newer than its cause; ``due_at_ms`` is None until the first of them came."""

    wanted_frames: int
    newer_frames: int
    due_at_ms: int | None


@dataclass
class LearnerState:
    """Changed by `learner.executor.execute` alone.

    Parameters
    ----------
    task_seq
        The last executed plan; plans count from 1, as versions do, and 0 is before the first.
    positions
        The next unplanned offset of each partition of ``frames``.
    updated_at_task
        The plan that the last update belongs to: a checkpoint of it is published.
    names
        Names by cluster id, where a person or a teacher gave one.
    """

    settings: LearnerSettings
    knowledge: Knowledge
    detector: DriftDetector
    window: TrainingWindow
    pending: PendingUpdate | None
    resends: ResendWindows = field(default_factory=ResendWindows)
    positions: dict[int, int] = field(default_factory=dict)
    task_seq: int = 0
    updates: int = 0
    updated_at_task: int = 0
    images_backpropagated: int = 0
    names: dict[int, str] = field(default_factory=dict)

    @classmethod
    def new(cls, settings: LearnerSettings) -> "LearnerState":
        """Return a learner that has seen nothing: its first update is already pending."""
        return cls(
            settings=settings,
            knowledge=Knowledge.nothing(settings),
            detector=DriftDetector(settings),
            window=TrainingWindow(settings.window_frames),
            pending=PendingUpdate(settings.warm_up_frames, 0, None),
        )

    @property
    def frames_wanted(self) -> int:
        """How many frames the next micro-task should have: fewer where an update waits for fewer."""
        if self.pending is None:
            return self.settings.micro_task_frames
        missing = self.pending.wanted_frames - self.pending.newer_frames
        return min(self.settings.micro_task_frames, max(missing, 1))

    @property
    def wakes_at_ms(self) -> int | None:
        """When a plan should be cut even without frames, because an update has waited long enough for more."""
        if self.pending is None or not self._can_learn:
            return None
        return self.pending.due_at_ms

    def update_is_due(self, now_ms: int) -> bool:
        """Say whether the pending update has its frames, or has waited long enough for them."""
        if self.pending is None or not self._can_learn:
            return False
        waited = self.pending.due_at_ms is not None and now_ms >= self.pending.due_at_ms
        return waited or self.pending.newer_frames >= self.pending.wanted_frames

    def follow(self, scores: Scores) -> None:
        """Move each cluster's threshold with what this micro-task showed of it."""
        moved = self.knowledge.uncertainty.followed(scores.dispersion_N, scores.slots_N, self.settings.threshold_rate)
        self.knowledge = replace(self.knowledge, uncertainty=moved)

    def note_frames(self, frames: int, now_ms: int) -> None:
        """Count newer frames for the pending update; the first of them starts its wait."""
        if self.pending is not None and frames:
            due_at_ms = self.pending.due_at_ms or now_ms + round(self.settings.update_seconds * 1000)
            self.pending = PendingUpdate(self.pending.wanted_frames, self.pending.newer_frames + frames, due_at_ms)

    def note_signal(self, signal: DriftSignal, frames: int, now_ms: int) -> None:
        """Let an update wait for frames newer than the signal, of which this micro-task of ``frames`` has some."""
        self.pending = PendingUpdate(
            self.settings.update_frames, 0, now_ms + round(self.settings.update_seconds * 1000)
        )
        self.note_frames(frames - 1 - signal.frame, now_ms)

    def take_knowledge(self, knowledge: Knowledge, task_seq: int, images_backpropagated: int) -> None:
        """Go on with what an update learned: the window is used up and the detector starts anew."""
        self.knowledge = knowledge
        self.updates += 1
        self.updated_at_task = task_seq
        self.images_backpropagated += images_backpropagated
        self.window.clear()
        self.detector = DriftDetector(self.settings)
        self.pending = None

    def finish(self, plan: TaskPlan) -> None:
        """Stand behind the plan."""
        self.positions.update({partition: frames.stop for partition, frames in plan.frames.items()})
        self.task_seq = plan.task_seq

    @property
    def _can_learn(self) -> bool:
        return len(self.window) >= self.settings.projection_dimensions + self.settings.births
