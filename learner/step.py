"""Execute one micro-task: a pure function of (state, plan, inputs), but for a stopwatch that only a metric reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from learner.change.detector import DriftSignal
from learner.intake.admission import Rejected, admit
from learner.intake.stream_pace import StreamPace
from learner.memory.frame_labels import FrameLabels
from learner.memory.replay_memory import GeneratedImage, ReplayCounts
from learner.model.contract import Scores, SyntheticImages, UpdateInputs, UpdateReport, live_ids
from learner.model.words import Words
from learner.plan.cut import thinned
from learner.plan.inputs import Inputs
from learner.plan.overload import OverloadChange, overload_change
from learner.state import LearnerState
from learner.steps.commands import Named, Outcome, apply_commands
from learner.steps.requests import Asking, introduction_of, requests_of
from learner.steps.samples import RefusedSamples, take_in
from stream.messages.replay import ReplayRequest
from stream.messages.task_plan import TaskPlan


@dataclass(frozen=True)
class Effects:
    """What a micro-task did and wants told: events, metrics, requests, dead letters, what is to be published."""

    plan: TaskPlan
    frames: int
    resent: int
    rejected: Sequence[Rejected]
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
    def publishes(self) -> bool:
        """Whether what is served changes, so that a version is to be published."""
        named = self.renamed or any(isinstance(outcome, Named) for outcome in self.commands)
        return self.update is not None or bool(named)


def step(state: LearnerState, plan: TaskPlan, inputs: Inputs) -> tuple[LearnerState, Effects]:
    """Return the state after one plan, and its effects.

    1. ``apply``    what persons asked for
    2. ``take_in``  generated samples that came, and what the labeller says with them
    3. ``thin``     out the frames, if the plan was cut under overload
    4. ``admit``    decode them, refuse bad ones, drop resends
    5. ``score``    the frames with the model as it is after the last task
    6. ``follow``   each cluster's threshold moves with its dispersion
    7. ``detect``   a change of the world in the scores
    8. ``ask``      for samples, if an update begins to wait
    9. ``learn``    if an update is due, from the window and its rehearsal
    10. ``introduce``  new clusters to a labeller, if one is there, and note which names have changed
    """
    before = state
    state, outcomes = apply_commands(state, inputs.commands, plan)
    named = state.names.by_cluster()
    with inputs.replaying:
        state, refused = take_in(state, inputs.samples, plan, inputs.decode)
    kept = thinned(inputs.frames, plan.keep_one_in)
    admitted = admit(kept, inputs.topic, state.resends, inputs.decode, state.model.encoder.preprocessing)
    scores = _score(state, admitted.images_NCSS)
    window = state.window.added(admitted.places, admitted.images_NCSS)
    state = replace(state, resends=admitted.resends, window=window)
    state = state if scores is None else _follow(state, scores)
    state, signal = _detect(state, scores, plan, len(admitted.places))
    with inputs.replaying:
        state, requests = _ask(state, plan, StreamPace.of(kept, plan.cut_at_ms), changed=signal is not None)
    state, update, replay = _learn(state, plan)
    with inputs.replaying:
        state, introductions = _introduce(state, plan, len(requests))
    state, renamed = _note_names(state, named, plan)
    skipped = len(inputs.frames) - len(kept)
    return replace(state, progress=state.progress.after(plan, skipped)), Effects(
        plan=plan,
        frames=len(admitted.places),
        resent=admitted.resent,
        rejected=admitted.rejected,
        uncertain_rate=None if scores is None else float(scores.uncertain_N.double().mean()),
        signal=signal,
        update=update,
        commands=outcomes,
        refused_samples=refused,
        renamed=renamed,
        skipped=skipped,
        overload=overload_change(before, plan),
        requests=[*requests, *introductions],
        replay=replay,
    )


def _score(state: LearnerState, images_NCSS: torch.Tensor) -> Scores | None:
    if not state.model.traits.has_learned or not len(images_NCSS):
        return None
    return state.model.score(state.model.encoder.embed(images_NCSS))


def _follow(state: LearnerState, scores: Scores) -> LearnerState:
    """Move each cluster's threshold with what this micro-task showed of it, and note which clusters it showed."""
    shown = state.model.ids_K[torch.unique(scores.slots_N)].tolist()
    model = state.model.follow(scores, moves=state.clusters_move)
    return replace(state, model=model, last_seen=state.last_seen.after(shown, len(scores.slots_N)))


def _detect(
    state: LearnerState, scores: Scores | None, plan: TaskPlan, frames: int
) -> tuple[LearnerState, DriftSignal | None]:
    """Look for a change among so many frames; while an update waits after one, further evidence changes nothing."""
    schedule, now_ms = state.schedule, plan.cut_at_ms
    if scores is None or schedule.world_changed:
        return replace(state, schedule=schedule.after_frames(frames, now_ms)), None
    detector, signal = state.detector.observe(scores)
    if signal is None:
        schedule = schedule.after_frames(frames, now_ms)
    else:
        schedule = schedule.after_signal(signal, frames, now_ms)
    return replace(state, detector=detector, schedule=schedule), signal


def _ask(
    state: LearnerState, plan: TaskPlan, pace: StreamPace, *, changed: bool
) -> tuple[LearnerState, Sequence[ReplayRequest]]:
    """Ask for samples if an update begins to wait: after a change, or because the longest interval is nearly over."""
    schedule = state.schedule if changed else state.schedule.after_interval(len(state.window))
    begins = changed or schedule is not state.schedule
    state = replace(state, schedule=schedule)
    return _with_requests(state, requests_of(state, plan, pace)) if begins else (state, [])


def _introduce(state: LearnerState, plan: TaskPlan, first: int) -> tuple[LearnerState, Sequence[ReplayRequest]]:
    return _with_requests(state, introduction_of(state, plan, first))


def _with_requests(state: LearnerState, asking: Asking) -> tuple[LearnerState, Sequence[ReplayRequest]]:
    updates = state.progress.updates
    replay = state.replay.with_requests(asking.requests, asking.update, updates, asking.members)
    return replace(state, replay=replay), asking.requests


def _learn(state: LearnerState, plan: TaskPlan) -> tuple[LearnerState, UpdateReport | None, ReplayCounts]:
    """Update the model, if an update is due: the window is used up, and what watches begins anew."""
    if not state.update_is_due(plan.cut_at_ms):
        return state, None, state.replay.counts
    generator = torch.Generator().manual_seed(plan.seed)
    window_NCSS = state.window.images()
    rehearsed = state.settings.rehearsed_images(len(window_NCSS))
    share = rehearsed // max(1, len(live_ids(state.model)))
    replay, images = state.replay.taken(share, state.progress.updates + 1)
    inputs = UpdateInputs(
        window_NCSS,
        state.window.recent_images(),
        rehearsed,
        _synthetic(state, images),
        changed=state.schedule.world_changed,
        words=_words(state),
    )
    model, report = state.model.learn(inputs, generator)
    live = live_ids(model)
    window = state.window.all_trained()
    state = replace(
        state,
        model=model,
        detector=state.detector.renewed(),
        schedule=state.schedule.after_update(),
        window=window if model.traits.looks_back else window.without_trained(),
        progress=state.progress.after_update(report.images_backpropagated, plan.task_seq),
        names=state.names.after_update(report.merged, live, report.votes),
        labels=FrameLabels(),
        exemplars=state.exemplars.renewed(model, window_NCSS, state.settings.exemplars),
        last_seen=state.last_seen.of_live(live),
        replay=replay.counting_anew(),
    )
    return state, report, replay.counts


def _synthetic(state: LearnerState, images: Sequence[GeneratedImage]) -> SyntheticImages:
    """Return generated images of live clusters as an update takes them."""
    if not images:
        return SyntheticImages.none(state.model.encoder.preprocessing)
    slots = {cluster: slot for slot, cluster in enumerate(state.model.ids_K.tolist())}
    images_NCSS = torch.stack([one.image_CSS for one in images]).float() / 255.0
    return SyntheticImages(images_NCSS, torch.tensor([slots[one.cluster] for one in images]))


def _words(state: LearnerState) -> Words | None:
    """Return what the labeller says of the window's frames, and has said of clusters; None where it never spoke."""
    said = state.labels.of(state.window.places())
    if not (any(said) or state.names.votes):
        return None
    clusters = state.model.ids_K.tolist()
    called = [state.names.word_of(cluster) for cluster in clusters]
    return Words.of(said, called, [state.names.is_settled(cluster) for cluster in clusters])


def _note_names(
    state: LearnerState, before: Mapping[int, str], plan: TaskPlan
) -> tuple[LearnerState, Mapping[int, str]]:
    """Return what live clusters are called now and were not ``before``; that changes what is served."""
    after, live = state.names.by_cluster(), set(live_ids(state.model))
    changed = {
        cluster: after.get(cluster, "")
        for cluster in sorted({*before, *after} & live)
        if before.get(cluster) != after.get(cluster)
    }
    return (state.serving_at(plan.task_seq) if changed else state), changed
