"""The topic ``tasks``: which records a micro-task reads, and with which seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from pydantic import StrictInt

from stream.messages.message import Message


class OffsetRange(NamedTuple):
    """The records of one partition from ``start`` (included) to ``stop`` (excluded)."""

    start: StrictInt
    stop: StrictInt


Ranges = Mapping[int, OffsetRange]


@dataclass(frozen=True)
class TaskPlan(Message):
    """One micro-task, written before its execution has an effect (decisions 0001, 0010)."""

    format: ClassVar[str] = "r2r.task-plan/1.1"

    model: str
    epoch: int
    """Counts the learners of this model that wrote a plan; it names the writer and never enters the execution."""
    task_seq: int
    """The plan's number: 1, 2, 3 … without gaps."""
    frames: Ranges
    """Offsets of the frames, by partition."""
    samples: Ranges
    """Offsets of the generated samples that are taken with them, by partition."""
    commands: OffsetRange
    """Offsets of the commands that take effect before the frames."""
    seed: int
    """Of every random draw in this task."""
    settings_sha: str
    """sha256 of the learner's settings, so that a plan is not executed under others."""
    cut_at_ms: int
    """The planner's clock, Unix milliseconds: the only time that an execution may look at."""
    keep_one_in: int = 1
    """Under overload only the first of so many records of each partition is learned from; 1 keeps all."""
