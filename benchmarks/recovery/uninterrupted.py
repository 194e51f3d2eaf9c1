"""Two judges over what killed roles left: each frame's effects by its identity, and the same plans without a kill."""

import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.recovery.divergence import Divergence, announced_in, differing
from learner.faults import Faults
from learner.plan.inputs import InputLogs, Inputs
from learner.process import fix_threads
from learner.save.checkpoint import CheckpointStore
from learner.save.format import state_to_bytes
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import step
from stream.frame import Frame
from stream.kafka.consumer import PartitionConsumer, read_topic
from stream.kafka.topics import Topics
from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.task_plan import TaskPlan
from stream.process.home import Home
from stream.process.settings import StreamSettings


@dataclass
class Judged:
    """What the judges found.

    Parameters
    ----------
    frames, records
        Frames of the source, and records that came of them, resends included.
    lost, doubled
        Frames without an effect and effects too many, offsets that no plan or that two plans have.
    checkpoints
        How many of the killed learner's were compared with the uninterrupted one.
    bit_identical
        All of them, and the last one above all, are the uninterrupted learner's.
    divergence
        If not: where they part first, and in which fields.
    """

    frames: int
    records: int = 0
    plans: int = 0
    updates: int = 0
    lost: int = 0
    doubled: int = 0
    checkpoints: int = 0
    bit_identical: bool = False
    divergence: dict[str, object] = field(default_factory=dict)

    def note_tiles(self, plans: Sequence[TaskPlan], begins: dict[int, int], ends: dict[int, int]) -> None:
        """Count where the plans' ranges leave a gap or overlap."""
        position = dict(begins)
        for plan in plans:
            for partition, frames in plan.frames.items():
                self.note(frames.start - position[partition])
                position[partition] = frames.stop
                self.records += frames.stop - frames.start
        for partition, end in ends.items():
            self.note(end - position[partition])

    def note(self, too_few: int) -> None:
        """Count what is missing, or, below 0, too much."""
        self.lost += max(0, too_few)
        self.doubled += max(0, -too_few)


def judge(
    streaming: StreamSettings, topics: Topics, settings: LearnerSettings, home: Path, expected: AbstractSet[str]
) -> Judged:
    """Read all logs, execute all plans from nothing, and compare with each checkpoint that was announced.

    Parameters
    ----------
    home
        Where the learner's checkpoints are.
    expected
        Identities of the source's frames.
    """
    plans = [TaskPlan.from_bytes(record.value or b"") for record in read_topic(streaming, topics.tasks)]
    told = [CheckpointReady.from_bytes(record.value or b"") for record in read_topic(streaming, topics.checkpoints)]
    judged = Judged(len(expected), plans=len(plans))
    store = CheckpointStore(Home(home).checkpoints, topics.model, settings.keep_checkpoints, Faults())
    divergence = Divergence(store.folder, announced_in(told))
    with (
        closing(PartitionConsumer(streaming, topics.frames)) as frames,
        closing(PartitionConsumer(streaming, topics.replay_samples)) as samples,
        closing(PartitionConsumer(streaming, topics.commands)) as commands,
    ):
        judged.note_tiles(plans, frames.begin_offsets(), frames.end_offsets())
        bench = _Bench(settings, topics, expected, divergence)
        state = bench.executed(plans, InputLogs(frames, samples, commands, topic=topics.frames), judged)
    judged.updates = state.progress.updates
    _compare(judged, divergence, state, store.newest_good())
    return judged


def _compare(judged: Judged, divergence: Divergence, state: LearnerState, newest: Path | None) -> None:
    files = state_to_bytes(state)
    last = ["no checkpoint"] if newest is None else differing(files, {n: (newest / n).read_bytes() for n in files})
    judged.checkpoints = divergence.compared
    judged.bit_identical = not last and not divergence.found
    if not judged.bit_identical:
        judged.divergence = divergence.figures() | {"last_fields": last}
        sys.stderr.write(f"recovery: the killed and the uninterrupted learner differ: {judged.divergence}\n")


@dataclass(frozen=True)
class _Bench:
    """What the plans are executed with, and who looks on."""

    settings: LearnerSettings
    topics: Topics
    expected: AbstractSet[str]
    divergence: Divergence

    def executed(self, plans: Sequence[TaskPlan], logs: InputLogs, judged: Judged) -> LearnerState:
        """Execute the plans; of each, exactly the frames that no earlier one had must have an effect."""
        fix_threads(self.settings.threads)
        state = LearnerState.new(self.settings)
        logs.seek(state.progress.positions)
        seen: set[str] = set()
        for task_seq, plan in enumerate(plans, 1):
            judged.note(plan.task_seq - task_seq)
            inputs = logs.take(plan)
            new = _identities(inputs, self.topics) - seen
            state, effects = step(state, plan, inputs)
            judged.note(len(new) - effects.frames)
            seen |= new
            self.divergence.look(state)
        judged.lost += len(self.expected - seen)
        judged.doubled += len(seen - self.expected)
        return state


def _identities(inputs: Inputs, topics: Topics) -> set[str]:
    frames = inputs.frames
    return {Frame.from_record(r.value, r.headers, topics.frames, (r.partition, r.offset)).identity for r in frames}
