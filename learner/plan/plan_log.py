"""The log of task plans: the learner's memory of what it decided to do, durable before anyone sees it done."""

from collections.abc import Sequence
from typing import Protocol

from learner.state import LearnerState
from stream.kafka.consumer import read_topic
from stream.kafka.topics import Topics
from stream.kafka.transactions import TransactionalWriter
from stream.messages.task_plan import TaskPlan
from stream.process.errors import InvalidSetting, PositionLost
from stream.process.settings import StreamSettings


class PlanLog(Protocol):
    """Plans in the order in which they were written.

    Order: ``task_seq`` counts 1, 2, 3 … without gaps, and one plan is confirmed before the next is begun. Crash: a plan
    that `confirm` returned from is durable; one that was only begun is there whole or not at all, and `plans_after`
    tells which.
    """

    def plans_after(self, task_seq: int) -> Sequence[TaskPlan]:
        """Return all durable plans after ``task_seq``; blocks at most the broker timeout."""

    def begin(self, plan: TaskPlan) -> None:
        """Start to write a plan; does not wait for the broker."""

    def confirm(self) -> None:
        """Return once the plan that was begun is durable; blocks at most the broker timeout.

        Raises
        ------
        LearnerFenced
            Another learner of the model has taken over; nothing was written.
        BrokerUnavailable
            Whether the plan was written is not known.
        """


class MemoryPlanLog:
    """Plans inside the process, for benchmarks and tests."""

    def __init__(self) -> None:
        self._plans: list[TaskPlan] = []

    def plans_after(self, task_seq: int) -> Sequence[TaskPlan]:
        """Return the plans after ``task_seq``."""
        return [plan for plan in self._plans if plan.task_seq > task_seq]

    def begin(self, plan: TaskPlan) -> None:
        """Keep the plan."""
        self._plans.append(plan)

    def confirm(self) -> None:
        """Do nothing: a plan is kept at once."""


class KafkaPlanLog:
    """Plans on ``tasks``, each in a transaction of ``learner/<prefix>/<model>``; `take_over` fences others."""

    def __init__(self, settings: StreamSettings, topics: Topics) -> None:
        self._settings = settings
        self._topics = topics
        self._writer: TransactionalWriter | None = None

    def take_over(self) -> None:
        """Fence the learner that wrote before, wherever it runs; from here on `begin` may be called.

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

    def begin(self, plan: TaskPlan) -> None:
        """Start to write the plan in one transaction."""
        self._owned().begin(self._topics.tasks, f"{plan.model}/{plan.task_seq}".encode(), plan.to_bytes())

    def confirm(self) -> None:
        """See `PlanLog.confirm`."""
        self._owned().confirm()

    def close(self) -> None:
        """Leave the broker; idempotent."""
        if self._writer is not None:
            self._writer.close()

    def _owned(self) -> TransactionalWriter:
        if self._writer is None:
            message = "a plan was to be written before take_over; take over first"
            raise ValueError(message)
        return self._writer


def checked_plans(plans: PlanLog, state: LearnerState) -> list[TaskPlan]:
    """Return the last executed plan, which names the epoch, and all after it.

    Raises
    ------
    PositionLost
        Plans are missing.
    InvalidSetting
        A plan that is not executed yet was written under other settings.
    """
    written = list(plans.plans_after(state.progress.task_seq - 1))
    again = [plan for plan in written if plan.task_seq > state.progress.task_seq]
    _check_gapless(again, state)
    _check_settings(again, state.settings.sha256())
    return written


def _check_gapless(plans: Sequence[TaskPlan], state: LearnerState) -> None:
    for expected, plan in enumerate(plans, start=state.progress.task_seq + 1):
        if plan.task_seq != expected:
            message = (
                f"plan {plan.task_seq} came where plan {expected} should follow: the topic of plans has lost some; "
                "give the checkpoint back that they belong to, or name a new model"
            )
            raise PositionLost(message)


def _check_settings(plans: Sequence[TaskPlan], settings_sha: str) -> None:
    other = [plan.task_seq for plan in plans if plan.settings_sha != settings_sha]
    if other:
        message = (
            f"plan {other[0]} was written under other learner settings and is not executed yet; "
            "start once with those settings, then change them"
        )
        raise InvalidSetting(message)
