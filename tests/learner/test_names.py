import pytest

from learner.executor import execute
from learner.inputs import InputLogs
from learner.names import names_after
from learner.plan_log import MemoryPlanLog
from learner.planner import Planner
from tests.learner.small import AROUND, digits_log, run_through

CAT, DOG = {0: "cat"}, {1: "dog"}


@pytest.mark.parametrize(
    ("names", "merged", "live", "after"),
    [
        (CAT | DOG, [], [0, 1], CAT | DOG),
        (DOG, [(0, 1)], [0], {0: "dog"}),
        (CAT | DOG, [(0, 1)], [0], CAT),
        (CAT, [(0, 1)], [0], CAT),
        ({5: "cow"}, [(3, 5), (1, 3)], [1], {1: "cow"}),
        ({3: "cow", 5: "cow"}, [(1, 3), (1, 5)], [1], {1: "cow"}),
        (CAT | DOG, [], [1], DOG),
        (DOG, [(0, 1)], [2], {}),
    ],
)
def test_a_name_stays_moves_or_goes_with_its_cluster(names, merged, live, after):
    assert names_after(names, merged, live) == after


def test_a_name_survives_the_merge_of_its_cluster_in_an_update():
    log, plans = digits_log(240), MemoryPlanLog()
    state, _ = run_through(digits_log(144))
    log.seek(state.positions)
    assert [cluster for cluster in state.knowledge.mixture.ids_K.tolist() if cluster >= 0] == [0, 1]
    state.names = {1: "one"}
    state.settings = state.settings.model_copy(update={"merge_distance": 1e6})
    planner = Planner("small", InputLogs(log), plans, state, lambda: 0, AROUND.faults)
    reports = []
    while (plan := planner.next_plan(state, 0.0)) is not None:
        reports.append(execute(state, plan, InputLogs(log).take(plan), AROUND))
    (update,) = [report.update for report in reports if report.update]
    assert (0, 1) in update.merged
    assert state.names == {0: "one"}
