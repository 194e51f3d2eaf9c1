"""The log of task plans: the learner's memory of what it decided to do, written before it is done."""

from collections.abc import Sequence
from typing import Protocol

from stream.consumer import read_topic
from stream.messages import TaskPlan
from stream.settings import StreamSettings
from stream.topics import Topics
from stream.transactional_writer import TransactionalWriter


class PlanLog(Protocol):
    """Plans in the order in which they were written.

    Order: ``task_seq`` counts 1, 2, 3 … without gaps. Crash: a plan that `append` returned from is durable; one that
    it did not return from is there whole or not at all, and `plans_after` tells which.
    """

    def plans_after(self, task_seq: int) -> Sequence[TaskPlan]:
        """Return all durable plans after ``task_seq``; blocks at most the broker timeout."""

    def append(self, plan: TaskPlan) -> None:
        """Write a plan; it is durable when this returns.

        Raises
        ------
        LearnerFenced
            Another learner of the model has taken over; nothing was written.
        """


class MemoryPlanLog:
    """Plans inside the process, for benchmarks and tests."""

    def __init__(self) -> None:
        self._plans: list[TaskPlan] = []

    def plans_after(self, task_seq: int) -> Sequence[TaskPlan]:
        """Return the plans after ``task_seq``."""
        return [plan for plan in self._plans if plan.task_seq > task_seq]

    def append(self, plan: TaskPlan) -> None:
        """Keep the plan."""
        self._plans.append(plan)


class KafkaPlanLog:
    """Plans on ``tasks``, each in a transaction of ``learner/<prefix>/<model>``; `take_over` fences others."""

    def __init__(self, settings: StreamSettings, topics: Topics) -> None:
        self._settings = settings
        self._topics = topics
        self._writer: TransactionalWriter | None = None

    def take_over(self) -> None:
        """Fence the learner that wrote before, wherever it runs; from here on `append` may be called.

        Raises
        ------
        LearnerFenced, BrokerUnavailable
            As `TransactionalWriter`.
        """
        self._writer = TransactionalWriter(self._settings, f"learner/{self._topics.prefix}/{self._topics.model}")

    def plans_after(self, task_seq: int) -> Sequence[TaskPlan]:
        """Read the topic from before plan ``task_seq``: each plan takes two offsets at least, its commit's included."""
        records = read_topic(self._settings, self._topics.tasks, first_offset=max(0, 2 * (task_seq - 1)))
        plans = [TaskPlan.from_bytes(record.value) for record in records if record.value]
        return [plan for plan in plans if plan.task_seq > task_seq]

    def append(self, plan: TaskPlan) -> None:
        """Write the plan in one transaction."""
        if self._writer is None:
            message = "append was called before take_over; take over first"
            raise ValueError(message)
        self._writer.write(self._topics.tasks, f"{plan.model}/{plan.task_seq}".encode(), plan.to_bytes())

    def close(self) -> None:
        """Leave the broker; idempotent."""
        if self._writer is not None:
            self._writer.close()
