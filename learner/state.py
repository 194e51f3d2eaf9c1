"""Everything a learner knows at one point of its stream: what a checkpoint holds and `execute` carries forward."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from learner.change.detectors import new_detector
from learner.change.drift import DriftDetector, DriftSignal
from learner.intake.resends import ResendWindows
from learner.intake.seen_ids import SeenIds
from learner.intake.window import TrainingWindow
from learner.memory.exemplars import Exemplars
from learner.memory.frame_labels import FrameLabel, FrameLabels
from learner.memory.last_seen import LastSeen
from learner.memory.names import Names
from learner.memory.replay_memory import ReplayMemory
from learner.model.clusters.knowledge import Scores
from learner.model.clusters.update import UpdateReport
from learner.model.learned import Learned, nothing_learned
from learner.plan.inputs import Positions
from learner.settings import LearnerSettings
from stream.messages.control import TaskPlan


@dataclass(frozen=True)
class PendingUpdate:
    """An update that waits for frames newer than its cause; ``due_at_ms`` is None until the first of them came.

    The cause is a ``change`` of the world (the first frames are one) or that the longest ``interval`` is nearly over.
    """

    wanted_frames: int
    newer_frames: int
    due_at_ms: int | None
    cause: Literal["change", "interval"] = "change"


@dataclass
class LearnerState:
    """Changed by `learner.step.execute` alone.

    Parameters
    ----------
    task_seq
        The last executed plan; plans count from 1, as versions do, and 0 is before the first.
    positions, sample_positions, command_positions
        The next unplanned offset of each partition of ``frames``, ``replay.samples`` and ``commands``.
    updated_at_task
        The plan of the last update or naming: a checkpoint of it is published.
    names
        Of the clusters, by persons and by the labeller's votes.
    quiet_updates
        Updates since the last change of the world, which came of the longest interval alone.
    keep_one_in, frames_skipped
        What the last plan kept of its frames, and how many were passed over by all plans.
    obeyed
        Ids of the newest commands, so that a resent one has no second effect.
    exemplars, replay
        Typical real images of each cluster, and what is asked of and came from the replay workers.
    last_seen
        How long ago frames fell into each cluster.
    labels
        What the labeller said of frames that wait for an update.
    """

    settings: LearnerSettings
    knowledge: Learned
    detector: DriftDetector
    window: TrainingWindow
    pending: PendingUpdate | None
    resends: ResendWindows = field(default_factory=ResendWindows)
    positions: dict[int, int] = field(default_factory=dict)
    sample_positions: dict[int, int] = field(default_factory=dict)
    command_positions: dict[int, int] = field(default_factory=dict)
    task_seq: int = 0
    updates: int = 0
    updated_at_task: int = 0
    images_backpropagated: int = 0
    quiet_updates: int = 0
    names: Names = field(default_factory=Names)
    keep_one_in: int = 1
    frames_skipped: int = 0
    obeyed: SeenIds = field(default_factory=SeenIds)
    exemplars: Exemplars = field(default_factory=Exemplars)
    replay: ReplayMemory = field(default_factory=ReplayMemory)
    last_seen: LastSeen = field(default_factory=LastSeen)
    labels: FrameLabels = field(default_factory=FrameLabels)

    @classmethod
    def new(cls, settings: LearnerSettings) -> "LearnerState":
        """Return a learner that has seen nothing: its first update is already pending."""
        return cls(
            settings=settings,
            knowledge=nothing_learned(settings),
            detector=new_detector(settings),
            window=TrainingWindow(settings.window_frames),
            pending=PendingUpdate(settings.warm_up_frames, 0, None),
        )

    @property
    def where(self) -> Positions:
        """Where the next plan begins."""
        return Positions(self.positions, self.sample_positions, self.command_positions)

    @property
    def frames_wanted(self) -> int:
        """How many frames the next micro-task should have: fewer where an update waits for fewer."""
        if self.pending is None:
            return self.settings.micro_task_frames
        return min(self.settings.micro_task_frames, max(self.frames_missing, 1))

    @property
    def frames_missing(self) -> int:
        """How many newer frames the pending update still waits for."""
        return 0 if self.pending is None else max(0, self.pending.wanted_frames - self.pending.newer_frames)

    @property
    def wakes_at_ms(self) -> int | None:
        """When a plan should be cut even without frames, because an update has waited long enough for more."""
        if self.pending is None or not self._can_learn:
            return None
        return self.pending.due_at_ms

    @property
    def expected_window(self) -> int:
        """How many frames the window will have when the pending update has those it waits for."""
        return min(self.settings.window_frames, len(self.window) + self.frames_missing)

    def update_is_due(self, now_ms: int) -> bool:
        """Say whether the pending update has its frames, or has waited long enough for them."""
        if self.pending is None or not self._can_learn:
            return False
        waited = self.pending.due_at_ms is not None and now_ms >= self.pending.due_at_ms
        return waited or self.pending.newer_frames >= self.pending.wanted_frames

    @property
    def longest_interval(self) -> int:
        """After how many frames an update comes though nothing changed."""
        doubled = self.settings.interval_frames << min(self.quiet_updates, 16)
        return min(doubled, self.settings.longest_interval_frames)

    @property
    def world_changed(self) -> bool:
        """Whether the pending update, if there is one, comes of a change of the world."""
        return self.pending is not None and self.pending.cause == "change"

    def follow(self, scores: Scores) -> None:
        """Move each cluster's threshold with what this micro-task showed of it, and note which clusters it showed."""
        seen = self.knowledge.mixture.ids_K[torch.unique(scores.slots_N)].tolist()
        self.last_seen.note(seen, len(scores.slots_N))
        self.knowledge = self.knowledge.followed(scores, self.settings, moves=self._clusters_move)

    def note_frames(self, frames: int, now_ms: int) -> None:
        """Count newer frames for the pending update; the first of them starts its wait."""
        if self.pending is not None and frames:
            due_at_ms = self.pending.due_at_ms or now_ms + round(self.settings.update_seconds * 1000)
            newer_frames = self.pending.newer_frames + frames
            self.pending = replace(self.pending, newer_frames=newer_frames, due_at_ms=due_at_ms)

    def note_signal(self, signal: DriftSignal, frames: int, now_ms: int) -> None:
        """Let an update wait for frames newer than the signal, of which this micro-task of ``frames`` has some."""
        self.pending = PendingUpdate(
            self.settings.update_frames, 0, now_ms + round(self.settings.update_seconds * 1000)
        )
        self.note_frames(frames - 1 - signal.frame, now_ms)

    def note_interval(self) -> bool:
        """Let an update wait for the last frames of the longest interval; say whether it begins to wait now."""
        left = min(self.settings.update_frames, self.longest_interval // 2)
        if self.pending is not None or len(self.window) < self.longest_interval - left:
            return False
        self.pending = PendingUpdate(left, 0, None, "interval")
        return True

    def take_knowledge(self, knowledge: Learned, report: UpdateReport, task_seq: int) -> None:
        """Go on with what an update learned: the window is used up and the detector starts anew."""
        self.knowledge = knowledge
        self.updates += 1
        self.updated_at_task = task_seq
        self.images_backpropagated += report.images_backpropagated
        self.names.carry(report.merged, knowledge.mixture.ids_K.tolist())
        for cluster, word, frames in report.votes:
            self.names.vote(cluster, word, frames)
        self.labels = FrameLabels()
        self.last_seen.keep(cluster for cluster in knowledge.mixture.ids_K.tolist() if cluster >= 0)
        self.window.mark_trained()
        if not knowledge.looks_back(self.settings):
            self.window.forget_trained()
        self.quiet_updates = 0 if self.world_changed else self.quiet_updates + 1
        self.detector = new_detector(self.settings)
        self.pending = None

    def take_name(self, cluster: int, name: str, task_seq: int) -> None:
        """Call a cluster by a name, or take it back where ``name`` is empty; changes what is served."""
        self.names.give(cluster, name)
        self.updated_at_task = task_seq

    def hear(self, labels: Sequence[FrameLabel]) -> None:
        """Remember sure labels of frames that an update will learn from.

        Where one has learned from them already, they vote for the clusters that these frames fall into now; frames that
        are not at hand any more are passed over.
        """
        waiting, trained = set(self.window.places()), self.window.trained()
        for label in labels:
            if label.is_sure and label.place in waiting:
                self.labels.hear(label)
        late = [label for label in labels if label.is_sure and label.place in trained]
        if late:
            scores = self.knowledge.score(torch.stack([trained[label.place] for label in late]))
            for label, cluster in zip(late, self.knowledge.mixture.ids_K[scores.slots_N].tolist(), strict=True):
                self.names.hear(cluster, label.word, label.score)

    def note_votes(self, before: Mapping[int, str], task_seq: int) -> dict[int, str]:
        """Return what live clusters are called now and were not ``before``; that changes what is served."""
        after, live = self.names.by_cluster(), set(self.knowledge.mixture.ids_K.tolist())
        changed = {
            cluster: after.get(cluster, "")
            for cluster in sorted({*before, *after} & live)
            if before.get(cluster) != after.get(cluster)
        }
        if changed:
            self.updated_at_task = task_seq
        return changed

    def finish(self, plan: TaskPlan, skipped: int = 0) -> None:
        """Stand behind the plan, of which so many frames were passed over."""
        self.keep_one_in = plan.keep_one_in
        self.frames_skipped += skipped
        behind = self.where.after(plan)
        self.positions, self.sample_positions = dict(behind.frames), dict(behind.samples)
        self.command_positions = dict(behind.commands)
        self.task_seq = plan.task_seq

    @property
    def _clusters_move(self) -> bool:
        """Whether clusters follow the frames: not while an update waits because the world has changed."""
        follow = self.settings.follow
        return not self.world_changed and (follow == "always" or (follow == "named" and self.names.labeller_spoke))

    @property
    def _can_learn(self) -> bool:
        return len(self.window) >= self.settings.projection_dimensions + 1
