"""Where two learners of the same plans part ways: the first checkpoint that is another one, and in which fields."""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load

from learner.save.checkpoint import content_of
from learner.save.format import state_to_bytes
from learner.state import LearnerState
from stream.messages.checkpoint_ready import CheckpointReady

_TENSORS, _STATE = "tensors.safetensors", "state.json"


@dataclass
class Divergence:
    """Shown the uninterrupted learner after each plan; compares it with what the killed one left.

    Parameters
    ----------
    folder
        Of the killed learner's checkpoints, of which only the newest are left.
    announced
        The sha256 of all that it ever completed, by task; two lives may have announced different ones.
    compared
        Announced checkpoints that were looked at.
    first_task
        The first task after which an announced checkpoint is another one.
    fields_task, fields
        The first task whose checkpoint is still there and differs, and the tensors and keys that do.
    """

    folder: Path
    announced: Mapping[int, AbstractSet[str]]
    compared: int = 0
    first_task: int | None = None
    fields_task: int | None = None
    fields: list[str] = field(default_factory=list)

    def look(self, state: LearnerState) -> None:
        """Compare the checkpoints of the state's task."""
        shas = self.announced.get(state.progress.task_seq, frozenset())
        left = sorted(self.folder.glob(f"{state.progress.task_seq:010d}-*"))
        if not (shas or left):
            return
        files = state_to_bytes(state)
        self.compared += len(shas)
        if self.first_task is None and shas - {content_of(files)}:
            self.first_task = state.progress.task_seq
        for checkpoint in left:
            self._name(
                differing(files, {name: (checkpoint / name).read_bytes() for name in files}), state.progress.task_seq
            )

    @property
    def found(self) -> bool:
        """Whether any checkpoint is another one."""
        return self.first_task is not None or self.fields_task is not None

    def figures(self) -> dict[str, object]:
        """Return what was found; empty where nothing was."""
        told = {"first_task": self.first_task, "fields_task": self.fields_task, "fields": self.fields}
        return {name: value for name, value in told.items() if value} if self.found else {}

    def _name(self, fields: Sequence[str], task_seq: int) -> None:
        if fields and self.fields_task is None:
            self.fields_task, self.fields = task_seq, list(fields)


def announced_in(messages: Sequence[CheckpointReady]) -> dict[int, set[str]]:
    """Return by task what was announced of it."""
    shas: dict[int, set[str]] = {}
    for ready in messages:
        shas.setdefault(ready.task_seq, set()).add(ready.sha256)
    return shas


def differing(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> list[str]:
    """Name each tensor of which a bit differs, and each key of the state.

    Parameters
    ----------
    one, other
        The files of two checkpoints.
    """
    here, there = load(one[_TENSORS]), load(other[_TENSORS])
    bits = ({name: tensor.numpy().tobytes() for name, tensor in tensors.items()} for tensors in (here, there))
    keys = (_flat(json.loads(files[_STATE])) for files in (one, other))
    return [*_unlike(*bits), *_unlike(*keys)]


def _unlike(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    missing = object()
    return [name for name in sorted({*one, *other}) if one.get(name, missing) != other.get(name, missing)]


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{above}{name}.")
        else:
            flat[above + name] = value
    return flat
