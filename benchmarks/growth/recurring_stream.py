"""A learner on a stream that recurs without end: the same few tasks round after round, and never the same frame twice.

A data set has few images (digits: 800), so each frame is one of its stream images drawn with replacement and a little
turned, moved and lit by a seed. The log is written one visit ahead and forgotten behind, so that it does not grow.

Axes: N frames, H and W, C = 3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from benchmarks.drift.recordings import varied
from learner.faults import Faults
from learner.plan.inputs import InputLogs
from learner.plan.planner import Planner
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import Effects, step
from stream.frame import Frame
from stream.image_codec import Pixels, encode_png
from stream.memory_log import MemoryLog
from stream.messages.task_plan import TaskPlan
from stream.sources.datasets.orders import tasks_of
from stream.sources.datasets.packs import Pack

VISIT_FRAMES = 160  # of a task; all five tasks of digits are 800 frames, its size
_FRAME_MS = 40  # a camera of 25 frames a second
_PARTITION = 0


def visits(pack: Pack, classes_per_task: int, seed: int) -> Iterator[Pixels]:
    """Yield the frames of one task after the other, uint8 [N, H, W, 3], round after round without end."""
    random = np.random.default_rng(seed)
    tasks = np.asarray(tasks_of(pack.stream_labels, classes_per_task))
    for visit in count():
        yield varied(images_of(pack, tasks == visit % (tasks.max() + 1)), VISIT_FRAMES, random)


def images_of(pack: Pack, chosen_N: Sequence[bool]) -> Pack:
    """Return the pack with the chosen stream images alone, and nothing to test on: that must stay unseen."""
    chosen = np.asarray(chosen_N)
    return replace(
        pack,
        stream_images=pack.stream_images[chosen],
        stream_labels=pack.stream_labels[chosen],
        test_images=pack.test_images[:0],
        test_labels=pack.test_labels[:0],
    )


def append(log: MemoryLog, images_NHWC: Pixels, source: str) -> None:
    """Write frames that follow those of the log."""
    for image in images_NHWC:
        number = log.end_offsets()[_PARTITION]
        frame = Frame(source, str(number), number, "image/png", encode_png(image))
        key, value, headers = frame.to_record()
        log.append(_PARTITION, key, value, headers, number * _FRAME_MS)


@dataclass
class RecurringLearner:
    """A new learner and the stream it watches; `next_update` carries both forward."""

    settings: LearnerSettings
    stream: Iterator[Pixels]
    state: LearnerState = field(init=False)

    def __post_init__(self) -> None:
        self.state = LearnerState.new(self.settings)
        self._log = MemoryLog(1)
        self._logs = InputLogs(self._log)
        self._planner = Planner("benchmark", self._logs, _NoPlans(), self.state, self._now_ms, Faults())

    @property
    def frames(self) -> int:
        """How many frames it has seen."""
        return sum(self.state.progress.positions.frames.values())

    def next_update(self) -> list[Effects]:
        """Watch the stream up to the next update; return the effects of all micro-tasks, the last with the update."""
        effects: list[Effects] = []
        while not effects or effects[-1].update is None:
            effects.append(self._step())
        return effects

    def _step(self) -> Effects:
        while (plan := self._planner.next_plan(self.state, 0.0)) is None:
            self._log.expire(_PARTITION, self.frames)
            append(self._log, next(self.stream), "recurring")
        self.state, effects = step(self.state, plan, self._logs.take(plan))
        return effects

    def _now_ms(self) -> int:
        return self.frames * _FRAME_MS


class _NoPlans:
    """A log of plans that keeps none: nothing is executed again here, and what a log keeps is not the learner's."""

    def plans_after(self, task_seq: int) -> Sequence[TaskPlan]:  # noqa: ARG002  none is kept
        return []

    def begin(self, plan: TaskPlan) -> None:
        """Let it go."""

    def confirm(self) -> None:
        """There is nothing to wait for."""
