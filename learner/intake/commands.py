"""What persons ask of the learner while it learns: at present, names of clusters."""

from collections.abc import Sequence
from dataclasses import dataclass

from learner.memory.names import LONGEST_NAME, is_name
from learner.state import LearnerState
from stream.log import Record
from stream.messages.control import Command, TaskPlan
from stream.process.errors import InvalidMessage

_LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Naming:
    """A cluster has a new name; an empty one was taken back."""

    command: str
    cluster: int
    name: str


@dataclass(frozen=True)
class RefusedCommand:
    """A command without effect, and why; ``reason`` is a short, stable word."""

    command: str
    reason: str
    message: str


Outcome = Naming | RefusedCommand


def obey(state: LearnerState, records: Sequence[Record], plan: TaskPlan) -> list[Outcome]:
    """Let the commands take effect on ``state``, in order; steps over kinds that are others' and ids that came before.

    Nothing in a record can stop the learner: what is no command is refused with its reason.
    """
    outcomes: list[Outcome] = []
    for record in records:
        try:
            command = Command.from_bytes(record.value or b"")
            outcome = _obey_one(state, command, plan)
        except InvalidMessage as error:
            outcome = RefusedCommand(f"offset {record.offset}", error.reason, str(error)[:_LONGEST_MESSAGE])
        if outcome is not None:
            outcomes.append(outcome)
    return outcomes


def _obey_one(state: LearnerState, command: Command, plan: TaskPlan) -> Outcome | None:
    if command.kind != "name" or not state.obeyed.admit(command.id):
        return None
    return _name(state, command, plan)


def _name(state: LearnerState, command: Command, plan: TaskPlan) -> Outcome:
    cluster, name = command.arguments.get("cluster"), command.arguments.get("name")
    live = state.knowledge.mixture.ids_K.tolist()
    if command.model != plan.model:
        return RefusedCommand(command.id, "other_model", f"it is for model {command.model!r:.80}")
    if type(cluster) is not int or cluster < 0 or cluster not in live:
        return RefusedCommand(command.id, "unknown_cluster", f"there is no live cluster {cluster!r:.80}")
    if not isinstance(name, str) or not is_name(name):
        message = f"a name has at most {LONGEST_NAME} printable characters and is not cluster-<number>"
        return RefusedCommand(command.id, "bad_name", message)
    state.take_name(cluster, name, plan.task_seq)
    return Naming(command.id, cluster, name)
