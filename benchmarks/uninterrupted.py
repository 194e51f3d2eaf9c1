"""Two judges over what killed roles left: each frame's effects by its identity, and the same plans without a kill."""

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from learner.checkpoint import CheckpointStore
from learner.executor import Surroundings, execute
from learner.faults import Faults
from learner.inputs import InputLogs, Inputs
from learner.service import decoder, fix_threads
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.state_format import state_to_bytes
from stream.consumer import PartitionConsumer, read_topic
from stream.frame import Frame
from stream.home import Home
from stream.messages import TaskPlan
from stream.settings import StreamSettings
from stream.topics import Topics

_TENSORS, _STATE = "tensors.safetensors", "state.json"


@dataclass
class Judged:
    """What the judges found.

    Parameters
    ----------
    frames, records
        Frames of the source, and records that came of them, resends included.
    lost, doubled
        Frames without an effect and effects too many, offsets that no plan or that two plans have.
    """

    frames: int
    records: int = 0
    plans: int = 0
    updates: int = 0
    lost: int = 0
    doubled: int = 0
    bit_identical: bool = False

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
    """Read all logs, execute all plans from nothing, and compare with the newest checkpoint.

    Parameters
    ----------
    home
        Where the learner's checkpoints are.
    expected
        Identities of the source's frames.
    """
    plans = [TaskPlan.from_bytes(record.value or b"") for record in read_topic(streaming, topics.tasks)]
    judged = Judged(len(expected), plans=len(plans))
    with (
        closing(PartitionConsumer(streaming, topics.frames)) as frames,
        closing(PartitionConsumer(streaming, topics.replay_samples)) as samples,
        closing(PartitionConsumer(streaming, topics.commands)) as commands,
    ):
        judged.note_tiles(plans, frames.begin_offsets(), frames.end_offsets())
        state = _executed(plans, InputLogs(frames, samples, commands), settings, topics, expected, judged)
    judged.updates = state.updates
    store = CheckpointStore(Home(home).checkpoints, topics.model, settings.keep_checkpoints, Faults())
    newest = store.newest_good()
    judged.bit_identical = newest is not None and _is_same(state_to_bytes(state), newest)
    return judged


def _executed(
    plans: Sequence[TaskPlan],
    logs: InputLogs,
    settings: LearnerSettings,
    topics: Topics,
    expected: AbstractSet[str],
    judged: Judged,
) -> LearnerState:
    """Execute the plans; of each, exactly the frames that no earlier one had must have an effect."""
    fix_threads(settings.threads)
    around = Surroundings(topics.frames, decoder(StreamSettings()), Faults())
    state = LearnerState.new(settings)
    logs.seek(state.where)
    seen: set[str] = set()
    for task_seq, plan in enumerate(plans, 1):
        judged.note(plan.task_seq - task_seq)
        inputs = logs.take(plan)
        new = _identities(inputs, topics) - seen
        report = execute(state, plan, inputs, around)
        judged.note(len(new) - report.frames)
        seen |= new
    judged.lost += len(expected - seen)
    judged.doubled += len(seen - expected)
    return state


def _identities(inputs: Inputs, topics: Topics) -> set[str]:
    frames = inputs.frames
    return {Frame.from_record(r.value, r.headers, topics.frames, (r.partition, r.offset)).identity for r in frames}


def _is_same(files: dict[str, bytes], checkpoint: Path) -> bool:
    there = {name: (checkpoint / name).read_bytes() for name in files}
    return files[_TENSORS] == there[_TENSORS] and json.loads(files[_STATE]) == json.loads(there[_STATE])
