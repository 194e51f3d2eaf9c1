"""From records of ``replay.samples`` to images that wait for an update; nothing in them can stop the learner."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from learner.intake.admission import Decoder, prepare
from learner.memory.exemplars import to_bytes_image
from learner.memory.frame_labels import FrameLabel
from learner.memory.names import LONGEST_NAME, is_name
from learner.memory.replay_memory import Asked
from learner.model.contract import live_ids, score_images
from learner.model.preprocessing import Preprocessing
from learner.state import LearnerState
from stream.log import Record
from stream.messages.ids import id_within
from stream.messages.replay import ReplaySamples
from stream.messages.task_plan import TaskPlan
from stream.process.errors import InvalidMessage

_LONGEST_MESSAGE = 300
_LARGEST_GAP = 1000.0


@dataclass(frozen=True)
class RefusedSamples:
    """A batch without effect, and why; ``reason`` is a short, stable word."""

    offset: int
    reason: str
    message: str


def take_in(
    state: LearnerState, records: Sequence[Record], plan: TaskPlan, decode: Decoder
) -> tuple[LearnerState, list[RefusedSamples]]:
    """Forget what has expired, then keep each batch that answers a request; a batch is good or refused as a whole."""
    state = replace(state, replay=state.replay.expired(plan.cut_at_ms, live_ids(state.model)))
    refused: list[RefusedSamples] = []
    for record in records:
        try:
            answer = _answer(state, record, plan, decode)
        except InvalidMessage as error:
            refused.append(RefusedSamples(record.offset, error.reason, str(error)[:_LONGEST_MESSAGE]))
        else:
            state = _with_answer(state, answer, plan)
    return replace(state, replay=state.replay.with_refused(len(refused))), refused


@dataclass(frozen=True)
class _Answer:
    """A good batch, with what its request asked for and what the labeller says with it."""

    samples: ReplaySamples
    asked: Asked
    images_NCSS: Tensor
    vote: float
    gap: float
    labels: Sequence[FrameLabel]


def _answer(state: LearnerState, record: Record, plan: TaskPlan, decode: Decoder) -> _Answer:
    samples, asked = _expected(state, record, plan)
    images_NCSS = _images(samples, asked, decode, state.model.encoder.preprocessing)
    return _Answer(samples, asked, images_NCSS, _vote(samples), _gap(samples), _labels(samples, asked))


def _with_answer(state: LearnerState, answer: _Answer, plan: TaskPlan) -> LearnerState:
    samples, asked, updates = answer.samples, answer.asked, state.progress.updates
    replay = state.replay.with_batch(asked.id, id_within(plan.model, samples.id), answer.images_NCSS, updates)
    names = state.names
    if answer.vote and samples.part == 0:  # one for each answer, however many parts it has
        names = names.with_reading(asked.cluster, samples.name, answer.vote)
    state = _with_labels(replace(state, names=names), answer.labels)
    if samples.images or answer.gap:
        replay = replay.with_gap(asked.cluster, answer.gap)
    return replace(state, replay=replay)


def _with_labels(state: LearnerState, labels: Sequence[FrameLabel]) -> LearnerState:
    """Return the state with the sure labels of frames that an update will learn from.

    Where an update has learned from them already, they vote for the clusters that these frames fall into now. Labels of
    frames that are no longer at hand are passed over.
    """
    sure = [label for label in labels if label.is_sure]
    waiting, trained = set(state.window.places()), state.window.trained()
    for label in sure:
        if label.place in waiting:
            state = replace(state, labels=state.labels.with_label(label))
    late = [label for label in sure if label.place in trained]
    if late:
        scores = score_images(state.model, torch.stack([trained[label.place] for label in late]))
        for label, cluster in zip(late, state.model.ids_K[scores.slots_N].tolist(), strict=True):
            state = replace(state, names=state.names.with_reading(cluster, label.word, label.score))
    return state


def _expected(state: LearnerState, record: Record, plan: TaskPlan) -> tuple[ReplaySamples, Asked]:
    samples = ReplaySamples.from_bytes(record.value or b"")
    request, batch = id_within(plan.model, samples.request), id_within(plan.model, samples.id)
    asked = state.replay.asked.get(request)
    if samples.model != plan.model or asked is None:
        message = "it answers no request, or one whose time is over; answer within the request's time to live"
        raise InvalidMessage(message, reason="unknown_request")
    if batch in asked.batches:
        message = f"the batch {samples.id!r:.100} came before; nothing is to be done"
        raise InvalidMessage(message, reason="duplicate")
    if samples.cluster != asked.cluster or batch != f"{asked.id}/samples/{samples.part}":
        message = "cluster and id are not those of its request; copy them from there"
        raise InvalidMessage(message, reason="wrong_request")
    if not samples.images and (samples.part, samples.parts) != (0, 1):
        message = "an answer without images has one part; send it so"
        raise InvalidMessage(message, reason="wrong_part")
    if samples.images and asked.arrived >= asked.images:
        message = f"{asked.images} images were asked for and {asked.arrived} came; send as many as are wanted"
        raise InvalidMessage(message, reason="not_wanted")
    return samples, asked


def _images(samples: ReplaySamples, asked: Asked, decode: Decoder, preprocessing: Preprocessing) -> Tensor:
    """Decode no more images than are wanted; what is too many is counted, not looked at."""
    wanted = samples.images[: asked.images - asked.arrived]
    if not wanted:
        return preprocessing.empty().to(torch.uint8)
    return to_bytes_image(torch.stack([prepare(decode(image), preprocessing) for image in wanted]))


def _labels(samples: ReplaySamples, asked: Asked) -> list[FrameLabel]:
    """Return the labeller's word for each frame that the request showed; none where there was no labeller."""
    names, scores = samples.member_names, samples.member_scores
    if not names and not scores:
        return []
    if samples.part != 0:
        message = "what is said of a request's members comes with the first part of the answer; send it there"
        raise InvalidMessage(message, reason="bad_labels")
    if not (len(names) == len(scores) <= len(asked.members) and all(map(_is_word, names, scores))):
        message = "a request's members have one printable name and a score of 0 to 1 each; send it so, or none"
        raise InvalidMessage(message, reason="bad_labels")
    return [FrameLabel(*one) for one in zip(asked.members, names, scores, strict=False)]


def _is_word(name: str, score: float) -> bool:
    return is_name(name) and 0 <= score <= 1


def _vote(samples: ReplaySamples) -> float:
    """Return how much the labeller's word for the cluster counts; 0 where it abstained."""
    if not _is_word(samples.name, samples.score):
        message = f"a name is printable, of at most {LONGEST_NAME} characters, its score 0 to 1; send it so, or none"
        raise InvalidMessage(message, reason="bad_name")
    return samples.score if samples.name else 0.0


def _gap(samples: ReplaySamples) -> float:
    if not 0 <= samples.gap <= _LARGEST_GAP:
        message = f"the gap must be a number of 0 to {_LARGEST_GAP:g}; leave it out if it is not known"
        raise InvalidMessage(message, reason="bad_gap")
    return samples.gap
