from deploy.demo.evaluation import version_at
from stream.messages.task_plan import OffsetRange, TaskPlan


def plan(task_seq: int, frames: int) -> TaskPlan:
    return TaskPlan("m", 1, task_seq, {0: OffsetRange(0, frames)}, {}, OffsetRange(0, 0), 0, "", 0)


def test_the_version_of_a_task_is_the_newest_that_had_seen_no_later_frame():
    plans = [plan(1, 64), plan(2, 26), plan(3, 64), plan(4, 64)]
    versions = [2, 4]
    assert version_at(versions, plans, 80) is None
    assert version_at(versions, plans, 90) == 2
    assert version_at(versions, plans, 217) == 2
    assert version_at(versions, plans, 218) == 4
