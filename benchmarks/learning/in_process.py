"""A learner on an in-process log: the same planner and executor as over Kafka, without a broker and without waiting."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from learner.faults import Faults
from learner.intake.admission import prepare
from learner.model.learned import Learned
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.service import decoder, fix_threads
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import Surroundings, TaskReport, execute
from stream.memory_log import MemoryLog
from stream.process.settings import StreamSettings
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.packs import Pack

_FRAME_MS = 40  # a camera of 25 frames a second
_TOPIC = "r2r.frames"


@dataclass(frozen=True)
class Version:
    """The knowledge after an update, and how many frames of the stream had been seen."""

    frames: int
    knowledge: Learned


@dataclass(frozen=True)
class Run:
    """What came of one stream."""

    versions: list[Version]
    state: LearnerState
    drift_frames: list[int]
    seconds: float

    def knowledge_at(self, frames: int) -> Learned | None:
        """Return the newest knowledge that had seen at most ``frames`` frames; None where nothing was learned."""
        usable = [version.knowledge for version in self.versions if version.frames <= frames]
        return usable[-1] if usable else None


def log_of(pack: Pack, order: Sequence[int], partitions: int) -> MemoryLog:
    """Return a log that holds the stream, one source for each partition, 25 frames a second."""
    log = MemoryLog(partitions)
    source = DatasetSource(pack, order, partitions, pack.name)
    for place, labelled in enumerate(source.next_frames(len(order))):
        key, value, headers = labelled.frame.to_record()
        log.append(place % partitions, key, value, headers, place * _FRAME_MS)
    return log


def everything(knowledge: Learned) -> Learned:
    """Keep all of it, as the learner does."""
    return knowledge


def nobody(report: TaskReport) -> None:
    """Hear of a micro-task and do nothing."""


def run_stream(
    log: MemoryLog,
    frames: int,
    settings: LearnerSettings,
    keep: Callable[[Learned], Learned] = everything,
    samples: MemoryLog | None = None,
    told: Callable[[TaskReport], None] = nobody,
) -> Run:
    """Let a new learner see the whole log; the clock stands at the frame that was planned last.

    Parameters
    ----------
    keep
        What a learner goes on with after an update; a baseline may forget.
    samples, told
        Where generated samples come from, and who hears of each micro-task and may write them.
    """
    fix_threads(settings.threads)
    faults = Faults()
    state = LearnerState.new(settings)
    clock = _StreamClock(state)
    logs = InputLogs(log, samples)
    planner = Planner("benchmark", logs, MemoryPlanLog(), state, clock, faults)
    around = Surroundings(_TOPIC, decoder(StreamSettings()), faults)
    versions: list[Version] = []
    drift_frames: list[int] = []
    started = time.perf_counter()
    while sum(state.positions.values()) < frames or state.wakes_at_ms is not None:
        plan = planner.next_plan(state, 0.0)
        if plan is None:
            clock.wait()
            continue
        report = execute(state, plan, logs.take(plan), around)
        told(report)
        seen = sum(state.positions.values())
        if report.signal is not None:
            drift_frames.append(seen)
        if report.update is not None:
            versions.append(Version(seen, state.knowledge))
            state.knowledge = keep(state.knowledge)
    return Run(versions, state, drift_frames, time.perf_counter() - started)


def prepare_all(images_NHWC: NDArray[np.uint8], settings: LearnerSettings) -> torch.Tensor:
    """Return all images as the network sees them, [N, 3, S, S]."""
    return torch.stack([prepare(image, settings) for image in images_NHWC])


class _StreamClock:
    """Time as the frames tell it; `wait` lets the patience of a cut or an update run out."""

    def __init__(self, state: LearnerState) -> None:
        self._state = state
        self._waited_ms = 0

    def __call__(self) -> int:
        return sum(self._state.positions.values()) * _FRAME_MS + self._waited_ms

    def wait(self) -> None:
        self._waited_ms += 500
