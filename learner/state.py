"""Everything a learner knows at one point of its stream: a record of parts, which `learner.step` carries forward."""

from dataclasses import dataclass, field, replace
from typing import Self

from learner.change.detector import DriftDetector
from learner.change.schedule import UpdateSchedule
from learner.intake.progress import Progress
from learner.intake.resends import ResendWindows
from learner.intake.seen_ids import SeenIds
from learner.intake.window import TrainingWindow
from learner.memory.exemplars import Exemplars
from learner.memory.frame_labels import FrameLabels
from learner.memory.last_seen import LastSeen
from learner.memory.names import Names
from learner.memory.replay_memory import ReplayMemory
from learner.methods import method_of
from learner.model.contract import Model
from learner.settings import LearnerSettings
from stream.process.errors import InvalidSetting


@dataclass(frozen=True)
class LearnerState:
    """A value: `learner.step.step` returns the next one. Each part but the settings is a `learner.part.Part`.

    Parameters
    ----------
    progress
        Which plans were executed, and what they amount to.
    schedule
        When the model learns next.
    window
        The newest frames.
    resends, commands
        Frames and commands that came before.
    names, labels
        What clusters are called, and what the labeller said of frames that wait for an update.
    exemplars, last_seen
        Typical real images of each cluster, and how long ago frames fell into it.
    replay
        What was asked of the replay workers, and what came from them.
    """

    settings: LearnerSettings
    model: Model
    detector: DriftDetector
    schedule: UpdateSchedule
    window: TrainingWindow
    progress: Progress = field(default_factory=Progress)
    resends: ResendWindows = field(default_factory=ResendWindows)
    commands: SeenIds = field(default_factory=SeenIds)
    names: Names = field(default_factory=Names)
    labels: FrameLabels = field(default_factory=FrameLabels)
    exemplars: Exemplars = field(default_factory=Exemplars)
    last_seen: LastSeen = field(default_factory=LastSeen)
    replay: ReplayMemory = field(default_factory=ReplayMemory)

    @classmethod
    def new(cls, settings: LearnerSettings) -> Self:
        """Return a learner that has seen nothing: its first update is already pending.

        Raises
        ------
        InvalidSetting
            The window holds fewer frames than an update needs.
        """
        method = method_of(settings)
        model = method.new_model(settings)
        if settings.window_frames < model.traits.fewest_frames:
            message = (
                f"learner.window_frames is {settings.window_frames}, but an update of this model needs "
                f"{model.traits.fewest_frames}; raise it"
            )
            raise InvalidSetting(message)
        schedule, window = UpdateSchedule.new(settings), TrainingWindow(settings.window_frames)
        return cls(settings, model, method.new_detector(settings), schedule, window)

    @property
    def frames_wanted(self) -> int:
        """How many frames the next micro-task should have: fewer where an update waits for fewer."""
        if self.schedule.pending is None:
            return self.settings.micro_task_frames
        return min(self.settings.micro_task_frames, max(self.schedule.frames_missing, 1))

    @property
    def wakes_at_ms(self) -> int | None:
        """When a plan should be cut even without frames, because an update has waited long enough for more."""
        pending = self.schedule.pending
        return pending.due_at_ms if pending is not None and self._can_learn else None

    @property
    def expected_window(self) -> int:
        """How many frames the window will have when the pending update has those it waits for."""
        return min(self.settings.window_frames, len(self.window) + self.schedule.frames_missing)

    @property
    def clusters_move(self) -> bool:
        """Whether clusters follow the frames: not while an update waits because the world has changed."""
        moves = self.model.traits.moves
        return not self.schedule.world_changed and (
            moves == "always" or (moves == "named" and self.names.labeller_spoke)
        )

    def update_is_due(self, now_ms: int) -> bool:
        """Say whether the pending update has its frames, or has waited long enough for them."""
        return self._can_learn and self.schedule.is_due(now_ms)

    def serving_at(self, task_seq: int) -> Self:
        """Return the state in which plan ``task_seq`` is the newest that changes what is served."""
        return replace(self, progress=replace(self.progress, updated_at_task=task_seq))

    @property
    def _can_learn(self) -> bool:
        return len(self.window) >= self.model.traits.fewest_frames
