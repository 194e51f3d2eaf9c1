from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from learner.intake.progress import Positions
from learner.plan.ahead import Ahead
from learner.plan.inputs import InputLogs
from stream.memory_log import MemoryLog
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import decode

PLAN = TaskPlan("m", 1, 7, {1: OffsetRange(4, 9)}, {0: OffsetRange(0, 2)}, OffsetRange(3, 5), 0, "", 0)


def filled(partitions, records):
    log = MemoryLog(partitions)
    for number in range(records):
        for partition in range(partitions):
            log.append(partition, None, b"%d" % number)
    return log


def test_behind_a_plan_the_named_partitions_have_moved():
    before = Positions({0: 4, 1: 4}, {0: 0}, {0: 3})
    assert before.after(PLAN) == Positions({0: 4, 1: 9}, {0: 2}, {0: 5})


def test_a_plan_without_commands_leaves_their_position():
    plan = TaskPlan("m", 1, 7, {}, {}, OffsetRange(0, 0), 0, "", 0)
    assert Positions({}, {}, {0: 3}).after(plan) == Positions({}, {}, {0: 3})


def test_the_records_of_a_plan_come_from_all_three_logs():
    logs = InputLogs(filled(2, 9), filled(1, 2), filled(1, 5))
    logs.seek(Positions({1: 4}, {}, {0: 3}))
    inputs = logs.take(PLAN)
    assert [(record.partition, record.offset) for record in inputs.frames] == [(1, n) for n in range(4, 9)]
    assert [record.offset for record in inputs.samples] == [0, 1]
    assert [record.offset for record in inputs.commands] == [3, 4]


def test_without_samples_and_commands_there_are_none():
    logs = InputLogs(filled(2, 9))
    logs.seek(Positions({1: 4}, {}, {}))
    logs.look()
    inputs = logs.take(PLAN)
    assert (len(inputs.frames), list(inputs.samples), list(inputs.commands)) == (5, [], [])


class Noting(MemoryLog):
    """Notes how long each poll would have waited."""

    def __init__(self):
        super().__init__(1)
        self.waits = []

    def poll(self, timeout_seconds):
        self.waits.append(timeout_seconds)
        super().poll(timeout_seconds)


def test_samples_and_commands_are_never_waited_for():
    frames, samples, commands = Noting(), Noting(), Noting()
    InputLogs(frames, samples, commands).look()
    assert (frames.waits, samples.waits, commands.waits) == ([], [0.0], [0.0])


def test_while_a_plan_is_executed_frames_are_taken_in_without_waiting():
    frames = Noting()
    with closing(Ahead(decode)) as ahead:
        logs = InputLogs(frames, ahead=ahead)
        logs.take(replace(PLAN, frames={}, samples={}, commands=OffsetRange(0, 0)))
        logs.look()
    assert frames.waits == [0.0]


@pytest.mark.parametrize(("keep", "begun"), [(1, [b"4", b"5", b"6", b"7"]), (2, [b"4", b"6"])])
def test_while_a_plan_is_executed_the_frames_of_one_like_it_are_decoded(keep, begun):
    decoded = []
    with closing(Ahead(lambda data: decoded.append(data) or np.zeros((1, 1, 3), np.uint8))) as ahead:
        logs = InputLogs(filled(1, 9), ahead=ahead)
        logs.frames.poll(0.0)
        logs.take(TaskPlan("m", 1, 1, {0: OffsetRange(0, 4)}, {}, OffsetRange(0, 0), 0, "", 0, keep))
        logs.look()
    assert decoded == begun
