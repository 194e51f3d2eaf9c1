"""What a learner leaves behind, and the second judge: the same plans executed in memory."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load

from learner.faults import Faults
from learner.plan.inputs import InputLogs
from learner.save.checkpoint import CheckpointStore
from learner.save.format import state_to_bytes
from learner.service import fix_threads
from learner.state import LearnerState
from learner.step import execute
from stream.kafka.admin import create_topics
from stream.kafka.topics import Topics
from stream.messages.task_plan import TaskPlan
from stream.process.settings import StreamSettings
from tests.flows.learner_process import LearnerProcess, write_settings, written_plans
from tests.learner.small import AROUND, SETTINGS

_TENSORS = "tensors.safetensors"


@dataclass(frozen=True)
class Ended:
    """What a finished run left: its plans and the newest checkpoint's files."""

    plans: list[TaskPlan]
    files: dict[str, bytes]


def run_to_the_end(
    folder: Path, streaming: StreamSettings, model: str, ends: dict[int, int], leaving: int = 0
) -> Ended:
    """Run a learner without faults until its plans leave at most so many frames before the log's ``ends``."""
    topics = Topics(model, streaming.topic_prefix)
    write_settings(folder, streaming, SETTINGS)
    create_topics(streaming, topics)
    with LearnerProcess(folder, model) as learner:
        learner.wait_until_planned(streaming, topics, ends, leaving)
        assert learner.stopped() == (0, "")
    newest = CheckpointStore(folder / "home" / "checkpoints", model, 2, Faults()).newest_good()
    assert newest is not None
    files = {name: (newest / name).read_bytes() for name in (_TENSORS, "state.json")}
    return Ended(written_plans(streaming, topics), files)


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Name the tensors of which any bit differs."""
    here, there = load(one[_TENSORS]), load(other[_TENSORS])
    assert here.keys() == there.keys()
    return [name for name in here if here[name].numpy().tobytes() != there[name].numpy().tobytes()]


def executed(plans: list[TaskPlan], logs: InputLogs) -> dict[str, bytes]:
    """Execute given plans on logs in memory."""
    fix_threads(1)
    state = LearnerState.new(SETTINGS)
    logs.seek(state.where)
    for plan in plans:
        execute(state, plan, logs.take(plan), AROUND)
    return state_to_bytes(state)
