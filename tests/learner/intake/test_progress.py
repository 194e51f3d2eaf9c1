import json

from learner.intake.progress import Progress
from learner.part import Saved
from learner.plan.inputs import Positions
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import SETTINGS

PLAN = TaskPlan("m", 1, 7, {1: OffsetRange(4, 9), 2: OffsetRange(0, 3)}, {}, OffsetRange(0, 0), 0, "", 0, keep_one_in=4)


def test_a_plan_moves_the_named_partitions_alone():
    before = Progress(Positions({0: 4, 1: 4}))
    after = before.after(PLAN, skipped=0)
    assert after.positions == Positions({0: 4, 1: 9, 2: 3})
    assert (after.task_seq, after.keep_one_in) == (7, 4)
    assert before == Progress(Positions({0: 4, 1: 4}))


def test_frames_that_were_passed_over_add_up():
    assert Progress().after(PLAN, skipped=6).after(PLAN, skipped=3).frames_skipped == 9


def test_updates_and_their_cost_add_up_and_the_newest_is_to_be_published():
    progress = Progress().after_update(96, task_seq=5).after_update(32, task_seq=8)
    assert (progress.updates, progress.updated_at_task, progress.images_backpropagated) == (2, 8, 128)


def test_saved_and_loaded_it_stands_at_the_same_place():
    progress = Progress(Positions({0: 4, 11: 4}, {0: 2}, {0: 9})).after(PLAN, skipped=3).after_update(96, task_seq=7)
    assert Progress.load(Saved(json.loads(json.dumps(progress.save().values))), SETTINGS) == progress
