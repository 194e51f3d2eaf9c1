import itertools

import pytest

from learner.memory.names import Names, is_name, names_after
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.step import execute
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
    state.names = Names({1: "one"})
    state.settings = state.settings.model_copy(update={"merge_distance": 1e6})
    planner = Planner("small", InputLogs(log), plans, state, lambda: 0, AROUND.faults)
    reports = []
    while (plan := planner.next_plan(state, 0.0)) is not None:
        reports.append(execute(state, plan, InputLogs(log).take(plan), AROUND))
    (update,) = [report.update for report in reports if report.update]
    assert (0, 1) in update.merged
    assert state.names.given == {0: "one"}


def test_a_person_comes_before_the_labeller_and_gives_way_again():
    names = Names(votes={1: {"cat": 2.0}})
    names.give(1, "kitten")
    assert names.of(1) == "kitten"
    names.give(1, "")
    assert names.of(1) == "cat"


@pytest.mark.parametrize(
    ("votes", "name"),
    [
        ([("cat", 0.4)], ""),
        ([("cat", 0.4), ("cat", 0.4)], "cat"),
        ([("cat", 0.6), ("dog", 0.9)], "dog"),
        ([("cat", 0.4), ("dog", 0.5), ("cow", 0.6)], ""),
    ],
)
def test_votes_elect_a_name_where_they_are_enough_and_agree(votes, name):
    names = Names()
    for word, weight in votes:
        names.vote(1, word, weight)
    assert names.of(1) == name


def test_a_cluster_keeps_its_name_while_the_labeller_slowly_loses_it():
    names = Names()
    for _ in range(5):
        names.vote(1, "seven", 0.9)
    for _ in range(9):
        names.vote(1, "one", 0.4)
    assert names.by_cluster() == {1: "seven"}


def test_votes_of_merged_clusters_add_up_and_those_of_pruned_ones_go():
    names = Names(votes={1: {"cat": 0.6}, 2: {"dog": 0.9}, 3: {"dog": 0.4}, 4: {"cow": 1.0}})
    names.carry([(1, 2), (1, 3)], live=[1])
    assert names.votes == {1: {"cat": 0.6, "dog": 1.3}}


def test_in_whatever_order_votes_were_read_back_the_same_word_is_elected():
    weights = {"a": 0.1, "b": 0.2, "c": 0.3}
    elected = {
        Names(votes={1: {word: weights[word] for word in order}}).of(1) for order in itertools.permutations(weights)
    }
    assert len(elected) == 1


def test_the_words_of_a_cluster_are_bounded():
    names = Names()
    names.vote(1, "cat", 5.0)
    for number in range(1000):
        names.vote(1, f"word {number}", 0.1 + number / 1e6)
    assert len(names.votes[1]) <= 16
    assert names.votes[1]["cat"] == 5.0


@pytest.mark.parametrize("text", ["cluster-7", " cat", "two\nlines", "a" * 65, None, 7])
def test_what_is_no_name(text):
    assert not is_name(text)


def test_a_word_is_settled_once_enough_votes_are_cast_and_agree():
    votes = {2: {"cat": 31.0}, 3: {"cat": 20.0, "dog": 12.0}, 4: {"a": 20.0, "b": 19.0, "c": 9.0}}
    names = Names(given={1: "cat"}, votes=votes)
    assert [names.is_settled(cluster) for cluster in (1, 2, 3, 4, 5)] == [False, False, True, False, False]


def test_the_labellers_word_for_a_cluster_is_told_also_where_a_person_calls_it_otherwise():
    names = Names(given={1: "tabby", 2: "tom"}, votes={1: {"cat": 40.0}})
    assert (names.of(1), names.word_of(1), names.word_of(2)) == ("tabby", "cat", "")


def test_against_a_settled_name_only_an_updates_words_vote():
    names = Names(votes={1: {"cat": 32.0}, 2: {"cat": 3.0}})
    for cluster in (1, 2):
        names.hear(cluster, "dog", 40.0)
        names.hear(cluster, "cat", 1.0)
    assert (names.word_of(1), names.word_of(2)) == ("cat", "dog")
    assert names.votes[1] == {"cat": 33.0}
    names.vote(1, "dog", 40.0)
    assert names.word_of(1) == "dog"


def test_votes_that_do_not_agree_are_no_word():
    assert not Names().labeller_spoke
    assert not Names(votes={1: {"cat": 0.4}}).labeller_spoke
    assert Names(votes={1: {"cat": 0.4}, 2: {"cat": 1.0}}).labeller_spoke
