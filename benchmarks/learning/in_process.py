"""A learner on an in-process log: the same planner and step as over Kafka, without a broker and without waiting."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from learner.faults import Faults
from learner.methods import preprocessing_of
from learner.model.contract import Model
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.process import fix_threads
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import Effects, step
from stream.memory_log import MemoryLog
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.packs import Pack

_FRAME_MS = 40  # a camera of 25 frames a second


@dataclass(frozen=True)
class Version:
    """The model after an update, and how many frames of the stream had been seen."""

    frames: int
    model: Model


@dataclass(frozen=True)
class Run:
    """What came of one stream."""

    versions: list[Version]
    state: LearnerState
    drift_frames: list[int]
    seconds: float

    def model_at(self, frames: int) -> Model | None:
        """Return the newest model that had seen at most ``frames`` frames; None where nothing was learned."""
        usable = [version.model for version in self.versions if version.frames <= frames]
        return usable[-1] if usable else None


def log_of(pack: Pack, order: Sequence[int], partitions: int) -> MemoryLog:
    """Return a log that holds the stream, one source for each partition, 25 frames a second."""
    log = MemoryLog(partitions)
    source = DatasetSource(pack, order, partitions, pack.name)
    for place, labelled in enumerate(source.next_frames(len(order))):
        key, value, headers = labelled.frame.to_record()
        log.append(place % partitions, key, value, headers, place * _FRAME_MS)
    return log


def as_it_is(state: LearnerState) -> LearnerState:
    """Change nothing."""
    return state


def ignore(effects: Effects) -> None:
    """Do nothing with a micro-task's effects."""


def run_stream(
    log: MemoryLog,
    frames: int,
    settings: LearnerSettings,
    adjust: Callable[[LearnerState], LearnerState] = as_it_is,
    samples: MemoryLog | None = None,
    observe: Callable[[Effects], None] = ignore,
) -> Run:
    """Let a new learner see the whole log; the clock stands at the frame that was planned last.

    Parameters
    ----------
    adjust
        What a learner begins with, and goes on with after an update: a baseline may forget, or have another detector.
    samples, observe
        Where generated samples come from, and what sees the effects of each micro-task and may write them.
    """
    fix_threads(settings.threads)
    state = adjust(LearnerState.new(settings))
    clock = _StreamClock()
    logs = InputLogs(log, samples)
    planner = Planner("benchmark", logs, MemoryPlanLog(), state, clock, Faults())
    versions: list[Version] = []
    drift_frames: list[int] = []
    started = time.perf_counter()
    while clock.frames < frames or state.wakes_at_ms is not None:
        plan = planner.next_plan(state, 0.0)
        if plan is None:
            clock.wait()
            continue
        state, effects = step(state, plan, logs.take(plan))
        observe(effects)
        clock.frames = sum(state.progress.positions.frames.values())
        if effects.signal is not None:
            drift_frames.append(clock.frames)
        if effects.update is not None:
            versions.append(Version(clock.frames, state.model))
            state = adjust(state)
    return Run(versions, state, drift_frames, time.perf_counter() - started)


def prepare_all(images_NHWC: NDArray[np.uint8], settings: LearnerSettings) -> torch.Tensor:
    """Return all images as the encoder of the settings wants them, [N, 3, S, S]."""
    preprocessing = preprocessing_of(settings)
    return torch.cat([preprocessing(torch.from_numpy(image)[None]) for image in images_NHWC])


class _StreamClock:
    """Time as the frames that were seen tell it; `wait` lets the patience of a cut or an update run out."""

    def __init__(self) -> None:
        self.frames = 0
        self._waited_ms = 0

    def __call__(self) -> int:
        return self.frames * _FRAME_MS + self._waited_ms

    def wait(self) -> None:
        self._waited_ms += 500
