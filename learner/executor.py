"""Execute one micro-task: a pure function of (state, plan, records); from the same state it always ends the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from learner.admission import Decoder, Rejected, admit
from learner.drift import DriftSignal
from learner.faults import Faults
from learner.knowledge import Scores
from learner.state import LearnerState
from learner.update import UpdateReport, update
from stream.log import Record
from stream.messages import TaskPlan


@dataclass(frozen=True)
class TaskReport:
    """What a micro-task did, for events, metrics and dead letters."""

    plan: TaskPlan
    frames: int
    resent: int
    rejected: list[Rejected]
    uncertain_rate: float | None
    signal: DriftSignal | None
    update: UpdateReport | None


@dataclass(frozen=True)
class Surroundings:
    """What an execution needs beside state and plan, and what never changes its result."""

    frames_topic: str
    decode: Decoder
    faults: Faults


def execute(state: LearnerState, plan: TaskPlan, records: Sequence[Record], around: Surroundings) -> TaskReport:
    """Carry ``state`` over one plan.

    1. ``admit``   decode the frames, turn away bad ones and resends
    2. ``score``   the frames with the model as it is after the last task
    3. ``follow``  each cluster's threshold moves with its dispersion
    4. ``detect``  a change of the world in the scores
    5. ``learn``   if an update is due, from the window and its rehearsal
    """
    admitted = admit(records, around.frames_topic, state.resends, around.decode, state.settings)
    scores = state.knowledge.score(admitted.images_NCSS) if _can_score(state, len(admitted.places)) else None
    state.window.add(admitted.places, admitted.images_NCSS)
    if scores is not None:
        state.follow(scores)
    signal = _detect(state, scores, plan)
    if signal is None:
        state.note_frames(len(admitted.places), plan.cut_at_ms)
    report = _learn(state, plan, around.faults) if state.update_is_due(plan.cut_at_ms) else None
    state.finish(plan)
    return TaskReport(
        plan=plan,
        frames=len(admitted.places),
        resent=admitted.resent,
        rejected=admitted.rejected,
        uncertain_rate=None if scores is None else float(scores.uncertain_N.double().mean()),
        signal=signal,
        update=report,
    )


def _can_score(state: LearnerState, frames: int) -> bool:
    return state.knowledge.projection is not None and frames > 0


def _detect(state: LearnerState, scores: Scores | None, plan: TaskPlan) -> DriftSignal | None:
    """Show the detector each frame until it signals; once an update is pending, further evidence changes nothing."""
    if scores is None or state.pending is not None:
        return None
    for frame, excess in enumerate(scores.excess_N.tolist()):
        signal = state.detector.update(excess, frame)
        if signal is not None:
            state.note_signal(signal, len(scores.excess_N), plan.cut_at_ms)
            return signal
    return None


def _learn(state: LearnerState, plan: TaskPlan, faults: Faults) -> UpdateReport:
    generator = torch.Generator().manual_seed(plan.seed)
    knowledge, report = update(state.knowledge, state.window.images(), state.settings, generator, faults)
    state.take_knowledge(knowledge, plan.task_seq, report.images_backpropagated)
    return report
