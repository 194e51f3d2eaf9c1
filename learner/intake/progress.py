"""How far a learner has come: its positions in the logs, and what the executed plans amount to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Self

from learner.part import Saved, by_number, by_text
from learner.settings import LearnerSettings
from stream.messages.task_plan import TaskPlan

COMMANDS_PARTITION = 0
"""Commands have one partition, so that they have one order."""


@dataclass(frozen=True)
class Positions:
    """The next unplanned offset of each partition; a partition that is not named begins where its log begins."""

    frames: Mapping[int, int] = field(default_factory=dict)
    samples: Mapping[int, int] = field(default_factory=dict)
    commands: Mapping[int, int] = field(default_factory=dict)

    def after(self, plan: TaskPlan) -> "Positions":
        """Return the positions behind a plan."""
        commands = {COMMANDS_PARTITION: plan.commands} if plan.commands.start < plan.commands.stop else {}
        return Positions(
            {**self.frames, **{partition: frames.stop for partition, frames in plan.frames.items()}},
            {**self.samples, **{partition: samples.stop for partition, samples in plan.samples.items()}},
            {**self.commands, **{partition: taken.stop for partition, taken in commands.items()}},
        )


@dataclass(frozen=True)
class Progress:
    """Counts of a learner's life.

    Parameters
    ----------
    positions
        The next unplanned offset of each partition of ``frames``, ``replay.samples`` and ``commands``.
    task_seq
        The last executed plan; plans count from 1, as versions do, and 0 is before the first.
    updates
        Updates of the model so far.
    updated_at_task
        The newest plan that changed what is served, by an update or a name: a checkpoint of it is published.
    images_backpropagated
        Images that training has cost so far.
    keep_one_in, frames_skipped
        What the last plan kept of its frames, and how many were passed over by all plans.
    """

    positions: Positions = field(default_factory=Positions)
    task_seq: int = 0
    updates: int = 0
    updated_at_task: int = 0
    images_backpropagated: int = 0
    keep_one_in: int = 1
    frames_skipped: int = 0

    def after_update(self, images_backpropagated: int, task_seq: int) -> Self:
        """Return the progress after an update, which plan ``task_seq`` had."""
        images = self.images_backpropagated + images_backpropagated
        return replace(self, updates=self.updates + 1, updated_at_task=task_seq, images_backpropagated=images)

    def after(self, plan: TaskPlan, skipped: int) -> Self:
        """Return the progress behind a plan, of which so many frames were passed over."""
        return replace(
            self,
            positions=self.positions.after(plan),
            task_seq=plan.task_seq,
            keep_one_in=plan.keep_one_in,
            frames_skipped=self.frames_skipped + skipped,
        )

    def save(self) -> Saved:
        """See `Part.save`."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        places = {name: by_text(getattr(self.positions, name)) for name in _LOGS}
        return Saved({**counts, "positions": places})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  the contract's
        """See `Part.load`."""
        places: Mapping[str, Mapping[str, int]] = saved.values["positions"]
        counts = {name: saved.values[name] for name in _COUNTS}
        return cls(positions=Positions(*(by_number(places[name]) for name in _LOGS)), **counts)


_LOGS = tuple(one.name for one in fields(Positions))
_COUNTS = tuple(one.name for one in fields(Progress) if one.name != "positions")
