"""What persons ask of the learner while it learns: at present, names of clusters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from learner.memory.names import LONGEST_NAME, is_name
from learner.model.contract import live_ids
from learner.state import LearnerState
from stream.log import Record
from stream.messages.command import Command
from stream.messages.task_plan import TaskPlan
from stream.process.errors import InvalidMessage

_LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Named:
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


Outcome = Named | RefusedCommand


def apply_commands(
    state: LearnerState, records: Sequence[Record], plan: TaskPlan
) -> tuple[LearnerState, list[Outcome]]:
    """Return the state after the commands, applied in order, and what became of each.

    Commands of kinds that are for others, and ids that came before, are passed over. Nothing in a record can stop the
    learner: what is no command is refused with its reason.
    """
    outcomes: list[Outcome] = []
    for record in records:
        try:
            command = Command.from_bytes(record.value or b"")
        except InvalidMessage as error:
            refused = RefusedCommand(f"offset {record.offset}", error.reason, str(error)[:_LONGEST_MESSAGE])
            outcomes.append(refused)
            continue
        if command.kind != "name" or command.id in state.commands:
            continue
        state = replace(state, commands=state.commands.noted(command.id))
        outcome = _named(state, command, plan)
        if isinstance(outcome, Named):
            state = _with_name(state, outcome, plan.task_seq)
        outcomes.append(outcome)
    return state, outcomes


def _named(state: LearnerState, command: Command, plan: TaskPlan) -> Outcome:
    cluster, name = command.arguments.get("cluster"), command.arguments.get("name")
    if command.model != plan.model:
        return RefusedCommand(command.id, "other_model", f"it is for model {command.model!r:.80}")
    if type(cluster) is not int or cluster not in live_ids(state.model):
        return RefusedCommand(command.id, "unknown_cluster", f"there is no live cluster {cluster!r:.80}")
    if not isinstance(name, str) or not is_name(name):
        message = f"a name has at most {LONGEST_NAME} printable characters and is not cluster-<number>"
        return RefusedCommand(command.id, "bad_name", message)
    return Named(command.id, cluster, name)


def _with_name(state: LearnerState, named: Named, task_seq: int) -> LearnerState:
    """Return the state in which the cluster has the name; that changes what is served."""
    return replace(state, names=state.names.given_to(named.cluster, named.name)).serving_at(task_seq)
