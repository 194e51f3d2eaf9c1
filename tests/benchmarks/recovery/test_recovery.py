"""The judge of frames, and roles that die as planned; the kills of real roles are in ``tests/flows/crashes``."""

from collections import deque

import pytest

from benchmarks.recovery.killed_roles import AT_RANDOM, Death, KilledRole, histogram
from benchmarks.recovery.run import planned_deaths
from benchmarks.recovery.uninterrupted import Judged
from learner import faults as learner_faults
from replay.worker import Faults as ReplayFaults
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.wait import wait_until

DIES_WHERE_TOLD = """
import os, time
if os.environ["R2R_TEST_FAULTS"] == "kill=plan_written@2":
    os.kill(os.getpid(), 9)
time.sleep(60)
"""


def plan(task_seq, **frames):
    ranges = {int(name[1:]): OffsetRange(*pair) for name, pair in frames.items()}
    return TaskPlan("m", 1, task_seq, ranges, {}, OffsetRange(0, 0), 0, "", 0)


def tiled(*plans, end=20):
    judged = Judged(frames=end)
    judged.note_tiles(plans, {0: 0}, {0: end})
    return judged.records, judged.lost, judged.doubled


def test_plans_that_tile_the_log_lose_and_double_nothing():
    assert tiled(plan(1, p0=(0, 16)), plan(2, p0=(16, 20))) == (20, 0, 0)


def test_a_gap_an_overlap_and_a_missing_end_are_counted():
    assert tiled(plan(1, p0=(0, 8)), plan(2, p0=(11, 20)))[1:] == (3, 0)
    assert tiled(plan(1, p0=(0, 8)), plan(2, p0=(6, 20)))[1:] == (0, 2)
    assert tiled(plan(1, p0=(0, 8)))[1:] == (12, 0)


@pytest.fixture
def killed_role(tmp_path, monkeypatch):
    (tmp_path / "dies_where_told.py").write_text(DIES_WHERE_TOLD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    deaths = deque([Death("plan_written", visit=2), Death(AT_RANDOM, seconds=0.2), Death("plan_written", visit=2)])
    role = KilledRole("learner", lambda: ["dies_where_told"], deaths, tmp_path)
    yield role
    role.close()


def test_a_role_dies_as_often_as_planned_and_then_lives_on(killed_role):
    killed_role.start()

    def spared():
        killed_role.look()
        return killed_role.is_spared

    wait_until(spared, what="the last planned death")
    assert killed_role.kills == {"plan_written": 2, AT_RANDOM: 1}
    assert histogram([killed_role]) == ["learner.at_random     # 1", "learner.plan_written  ## 2"]


def test_a_role_that_ends_by_itself_is_told(tmp_path):
    role = KilledRole("feed", lambda: ["no_such_module"], deque(), tmp_path)
    role.start()

    def look_until_it_raises():
        role.look()
        return False

    with pytest.raises(RuntimeError, match=r"feed ended by itself with code 1: .*no_such_module"):
        wait_until(look_until_it_raises, what="the end")


def test_every_named_phase_is_planned_five_times_and_60_kills_at_least():
    deaths = planned_deaths(quick=False)
    assert sum(map(len, deaths.values())) >= 60
    for role, points in (("learner", learner_faults.POINTS), ("replay", ReplayFaults.points)):
        phases = [death.phase for death in deaths[role]]
        assert {phase: phases.count(phase) for phase in points} == dict.fromkeys(points, 5)
    assert [len(deaths[role]) for role in ("feed", "publisher", "server")] == [5, 5, 5]


def test_the_quick_form_has_13_kills_and_each_point_of_the_learner():
    deaths = planned_deaths(quick=True)
    assert sum(map(len, deaths.values())) == 13
    assert {death.phase for death in deaths["learner"]} == set(learner_faults.POINTS)
