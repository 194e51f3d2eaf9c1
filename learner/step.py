"""Execute one micro-task: a pure function of (state, plan, inputs); from the same state it always ends the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from learner.change.drift import DriftSignal
from learner.faults import Faults
from learner.intake.admission import Decoder, Rejected, admit
from learner.intake.commands import Naming, Outcome, obey
from learner.intake.stream_pace import StreamPace
from learner.memory.replay_memory import ReplayCounts
from learner.memory.replay_requests import asking_of, introduction_of
from learner.memory.sample_intake import RefusedSamples, take_in
from learner.model.clusters.knowledge import Scores
from learner.model.clusters.rehearsal import generated_of, rehearsed_images
from learner.model.clusters.update import Material, UpdateReport
from learner.model.clusters.words import Words
from learner.model.method import learn, signal_in
from learner.plan.cut import thinned
from learner.plan.inputs import Inputs
from learner.plan.overload import OverloadChange, overload_change
from learner.state import LearnerState
from learner.stopwatch import Stopwatch
from stream.log import Record
from stream.messages.control import TaskPlan
from stream.messages.replay import ReplayRequest


@dataclass(frozen=True)
class TaskReport:
    """What a micro-task did, for events, metrics, requests and dead letters."""

    plan: TaskPlan
    frames: int
    resent: int
    rejected: list[Rejected]
    uncertain_rate: float | None
    signal: DriftSignal | None
    update: UpdateReport | None
    commands: Sequence[Outcome] = ()
    refused_samples: Sequence[RefusedSamples] = ()
    renamed: Mapping[int, str] = field(default_factory=dict)
    """What clusters are called from now on because of the labeller's votes; empty where these no longer agree."""
    skipped: int = 0
    overload: OverloadChange | None = None
    requests: Sequence[ReplayRequest] = ()
    replay: ReplayCounts = field(default_factory=ReplayCounts)
    """What became of replay since the last update, as of the end of this task or of the update in it."""

    @property
    def changes_what_is_served(self) -> bool:
        """Whether a version is to be published."""
        named = self.renamed or any(isinstance(outcome, Naming) for outcome in self.commands)
        return self.update is not None or bool(named)


@dataclass(frozen=True)
class Surroundings:
    """What an execution needs beside state and plan, and what never changes its result."""

    frames_topic: str
    decode: Decoder
    faults: Faults
    replaying: Stopwatch = field(default_factory=Stopwatch)
    """Seconds spent on samples and requests, in which frames waited."""


def execute(state: LearnerState, plan: TaskPlan, inputs: Inputs, around: Surroundings) -> TaskReport:
    """Carry ``state`` over one plan.

    1. ``obey``     what persons asked for
    2. ``take_in``  generated samples that came, and what the labeller says with them
    3. ``thin``     out the frames, if the plan was cut under overload
    4. ``admit``    decode them, turn away bad ones and resends
    5. ``score``    the frames with the model as it is after the last task
    6. ``follow``   each cluster's threshold moves with its dispersion
    7. ``detect``   a change of the world in the scores
    8. ``ask``      for samples, if an update begins to wait
    9. ``learn``    if an update is due, from the window and its rehearsal
    10. ``introduce``  new clusters to a labeller, if one is there, and tell which names have changed
    """
    outcomes = obey(state, inputs.commands, plan)
    named = state.names.by_cluster()
    with around.replaying:
        refused = take_in(state, inputs.samples, plan, around.decode)
    kept = thinned(inputs.frames, plan.keep_one_in)
    admitted = admit(kept, around.frames_topic, state.resends, around.decode, state.settings)
    scores = state.knowledge.score(admitted.images_NCSS) if _can_score(state, len(admitted.places)) else None
    state.window.add(admitted.places, admitted.images_NCSS)
    if scores is not None:
        state.follow(scores)
    signal = _detect(state, scores, plan, len(admitted.places))
    requests = _ask(state, plan, kept, around) if signal is not None or state.note_interval() else []
    learned = _learn(state, plan, around.faults) if state.update_is_due(plan.cut_at_ms) else None
    replay = state.replay.counts
    if learned is not None:
        state.replay.count_anew()
    requests = [*requests, *_introduce(state, plan, len(requests), around)]
    renamed = state.note_votes(named, plan.task_seq)
    overload = overload_change(state, plan)
    state.finish(plan, len(inputs.frames) - len(kept))
    return TaskReport(
        plan=plan,
        frames=len(admitted.places),
        resent=admitted.resent,
        rejected=admitted.rejected,
        uncertain_rate=None if scores is None else float(scores.uncertain_N.double().mean()),
        signal=signal,
        update=learned,
        commands=outcomes,
        refused_samples=refused,
        renamed=renamed,
        skipped=len(inputs.frames) - len(kept),
        overload=overload,
        requests=requests,
        replay=replay,
    )


def _can_score(state: LearnerState, frames: int) -> bool:
    return state.knowledge.has_learned and frames > 0


def _detect(state: LearnerState, scores: Scores | None, plan: TaskPlan, frames: int) -> DriftSignal | None:
    """Look for a change among so many frames; once an update waits after one, further evidence changes nothing."""
    if scores is None or state.world_changed:
        state.note_frames(frames, plan.cut_at_ms)
        return None
    signal = signal_in(scores, state.detector, state.settings)
    if signal is None:
        state.note_frames(frames, plan.cut_at_ms)
    else:
        state.note_signal(signal, frames, plan.cut_at_ms)
    return signal


def _ask(
    state: LearnerState, plan: TaskPlan, frames: Sequence[Record], around: Surroundings
) -> Sequence[ReplayRequest]:
    with around.replaying:
        asking = asking_of(state, plan, StreamPace.of(frames, plan.cut_at_ms))
        state.replay.note_requests(asking.requests, asking.update, state.updates, asking.members)
    return asking.requests


def _introduce(state: LearnerState, plan: TaskPlan, first: int, around: Surroundings) -> Sequence[ReplayRequest]:
    with around.replaying:
        asking = introduction_of(state, plan, first)
        state.replay.note_requests(asking.requests, asking.update, state.updates)
    return asking.requests


def _learn(state: LearnerState, plan: TaskPlan, faults: Faults) -> UpdateReport:
    generator = torch.Generator().manual_seed(plan.seed)
    window_NCSS = state.window.images()
    share = rehearsed_images(len(window_NCSS), state.settings) // max(1, state.knowledge.mixture.live_clusters)
    generated = generated_of(state.replay.take_out(share, state.updates + 1), state.knowledge, state.settings)
    recent_NCSS, words = state.window.recent_images(), _words(state)
    material = Material(window_NCSS, recent_NCSS, generated, changed=state.world_changed, words=words)
    knowledge, report = learn(state.knowledge, material, state.settings, generator, faults)
    state.exemplars = state.exemplars.renewed(knowledge, window_NCSS, state.settings.exemplars)
    state.take_knowledge(knowledge, report, plan.task_seq)
    return report


def _words(state: LearnerState) -> Words | None:
    """Return what the labeller says of the window's frames, and has said of clusters; None where it never spoke."""
    said = state.labels.of(state.window.places())
    speaks = any(said) or bool(state.names.votes)
    return Words.of(said, state.names, state.knowledge.mixture.ids_K) if speaks else None
