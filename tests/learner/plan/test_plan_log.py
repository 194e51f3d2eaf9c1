"""What every `learner.plan.plan_log.PlanLog` keeps, in memory and on a real Kafka."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from learner.plan.plan_log import KafkaPlanLog, MemoryPlanLog, PlanLog
from stream.kafka.admin import create_topics
from stream.kafka.topics import Topics
from stream.messages.task_plan import OffsetRange, TaskPlan
from stream.process.errors import LearnerFenced
from stream.process.settings import StreamSettings


def plan(task_seq: int, model: str = "m") -> TaskPlan:
    frames = {0: OffsetRange(task_seq * 4, task_seq * 4 + 4), 2: OffsetRange(0, task_seq)}
    return TaskPlan(
        model, 1, task_seq, frames, {}, OffsetRange(0, 0), task_seq, "ab" * 32, 1_795_000_000_000 + task_seq
    )


def write(log: PlanLog, written: TaskPlan) -> None:
    log.begin(written)
    log.confirm()


def taken_over(settings: StreamSettings, topics: Topics) -> KafkaPlanLog:
    log = KafkaPlanLog(settings, topics)
    log.take_over()
    return log


@pytest.fixture(params=["memory", "kafka"])
def reopened(request: pytest.FixtureRequest) -> Iterator[Callable[[], PlanLog]]:
    """Return a function that opens the log, each time as a learner that has just started."""
    with ExitStack() as cleanup:
        if request.param == "memory":
            log = MemoryPlanLog()
            yield lambda: log
        else:
            settings: StreamSettings = request.getfixturevalue("stream_settings")
            topics = Topics("m", settings.topic_prefix)
            create_topics(settings, topics)
            yield lambda: cleanup.enter_context(closing(taken_over(settings, topics)))


def test_an_empty_log_has_no_plans(reopened):
    assert list(reopened().plans_after(0)) == []


def test_plans_come_back_whole_and_in_order_also_after_a_restart(reopened):
    log = reopened()
    for task_seq in (1, 2, 3):
        write(log, plan(task_seq))
    assert list(log.plans_after(0)) == [plan(1), plan(2), plan(3)]
    assert list(reopened().plans_after(0)) == [plan(1), plan(2), plan(3)]


def test_only_plans_after_the_given_one_are_returned(reopened):
    log = reopened()
    for task_seq in (1, 2, 3):
        write(log, plan(task_seq))
    assert list(log.plans_after(2)) == [plan(3)]
    assert list(log.plans_after(3)) == []


def test_a_new_learner_fences_the_old_one_before_it_can_act(stream_settings: StreamSettings):
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    with closing(taken_over(stream_settings, topics)) as old:
        write(old, plan(1))
        with closing(taken_over(stream_settings, topics)) as new:
            with pytest.raises(LearnerFenced, match="another learner of model m has taken over"):
                write(old, plan(2))
            write(new, plan(2))
            assert list(new.plans_after(0)) == [plan(1), plan(2)]


def test_a_fenced_learner_hears_of_it_when_it_confirms_and_has_written_nothing(stream_settings: StreamSettings):
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    with closing(taken_over(stream_settings, topics)) as old, closing(taken_over(stream_settings, topics)) as new:
        old.begin(plan(1))
        with pytest.raises(LearnerFenced):
            old.confirm()
        assert list(new.plans_after(0)) == []


def test_nothing_is_begun_before_the_older_learner_is_fenced(stream_settings: StreamSettings):
    log = KafkaPlanLog(stream_settings, Topics("m", stream_settings.topic_prefix))
    with pytest.raises(ValueError, match="take over first"):
        log.begin(plan(1))


def test_learners_of_other_models_do_not_fence_each_other(stream_settings: StreamSettings):
    logs = []
    with ExitStack() as cleanup:
        for model in ("a", "b"):
            topics = Topics(model, stream_settings.topic_prefix)
            create_topics(stream_settings, topics)
            logs.append(cleanup.enter_context(closing(taken_over(stream_settings, topics))))
        for log, model in zip(logs, ("a", "b"), strict=True):
            write(log, plan(1, model))
            assert list(log.plans_after(0)) == [plan(1, model)]


def test_closing_twice_is_harmless(stream_settings: StreamSettings):
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    log = taken_over(stream_settings, topics)
    log.close()
    log.close()
