"""What a micro-task and an update cost a learner early and late in its life: the same work on copies of both, in turn.

In a live run the window of update 50 is another one than that of update 5, and the machine is busy with other things.
Here both learners get the same frames, of a class that both know, one learner after the other and again; what is
measured is the CPU time of the process, which other processes do not add to.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.drift.recordings import varied
from benchmarks.growth.recurring_stream import append, images_of
from benchmarks.learning.in_process import prepare_all
from learner.change.schedule import PendingUpdate
from learner.intake.window import Place, TrainingWindow
from learner.plan.inputs import Inputs
from learner.state import LearnerState
from learner.step import step
from stream.log import Record
from stream.memory_log import MemoryLog
from stream.messages.task_plan import OffsetRange, TaskPlan
from stream.sources.datasets.packs import Pack

REPEATS = 5
_SCORED = 5  # micro-tasks in each repeat
_NEVER = 1 << 30  # frames that a pending update waits for, so that none is due and none begins to wait


@dataclass(frozen=True)
class Step:
    """CPU seconds of one micro-task without an update, and of one update on a full window."""

    score_seconds: float
    update_seconds: float


def measure_steps(pack: Pack, early: LearnerState, late: LearnerState) -> Mapping[str, Sequence[Step]]:
    """Return the steps of both, in turn, under ``early`` and ``late``; the states stay as they were.

    Parameters
    ----------
    pack
        Its first class is what both learners must know; what they score and learn from is drawn from it.
    """
    known = images_of(pack, pack.stream_labels == pack.stream_labels.min())
    random = np.random.default_rng(early.settings.seed)
    steps: dict[str, list[Step]] = {"early": [], "late": []}
    for _ in range(REPEATS):
        log = MemoryLog(1)
        append(log, varied(known, _SCORED * early.settings.micro_task_frames, random), "again")
        records = log.take({0: OffsetRange(0, log.end_offsets()[0])})
        window_NHWC = varied(known, early.settings.window_frames, random)
        images_NCSS = prepare_all(window_NHWC, early.settings)
        for name, state in (("early", early), ("late", late)):
            places = [Place(0, number) for number in range(len(images_NCSS))]
            window = TrainingWindow(early.settings.window_frames).added(places, images_NCSS)
            steps[name].append(Step(_score_seconds(state, records), _update_seconds(state, window)))
    return steps


def _score_seconds(state: LearnerState, records: Sequence[Record]) -> float:
    pending = PendingUpdate(_NEVER, 0, None, "interval")
    ours = replace(state, schedule=replace(state.schedule, pending=pending))
    size = state.settings.micro_task_frames
    micro_tasks = [records[start : start + size] for start in range(0, len(records), size)]
    return float(np.median([_cpu_seconds(ours, Inputs(frames)) for frames in micro_tasks]))


def _update_seconds(state: LearnerState, window: TrainingWindow) -> float:
    pending = PendingUpdate(1, 1, None, "interval")
    ours = replace(state, window=window, schedule=replace(state.schedule, pending=pending))
    return _cpu_seconds(ours, Inputs(()))


def _cpu_seconds(state: LearnerState, inputs: Inputs) -> float:
    """Execute one plan with no ranges of its own: what it reads is given."""
    plan = TaskPlan(
        model="benchmark",
        epoch=1,
        task_seq=state.progress.task_seq + 1,
        frames={},
        samples={},
        commands=OffsetRange(0, 0),
        seed=state.settings.seed,
        settings_sha=state.settings.sha256(),
        cut_at_ms=0,
        keep_one_in=1,
    )
    began = time.process_time()
    step(state, plan, inputs)
    return time.process_time() - began
