import functools
import itertools
import json
from dataclasses import replace

import pytest

from learner.faults import Faults
from learner.memory.names import Names, is_name, names_after
from learner.model.contract import live_ids
from learner.part import Saved
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.step import step
from tests.learner.small import SETTINGS, digits_log, run_through

CAT, DOG = {0: "cat"}, {1: "dog"}


def voted(cluster, *votes):
    """Return names for which so many words were cast, each ``(word, weight)``."""
    return functools.reduce(lambda names, vote: names.with_vote(cluster, *vote), votes, Names())


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
    assert live_ids(state.model) == [0, 1]
    joining = state.model.settings.model_copy(update={"merge_distance": 1e6})
    state = replace(state, names=Names({1: "one"}), model=replace(state.model, settings=joining))
    planner = Planner("small", InputLogs(log), plans, state, lambda: 0, Faults())
    updates = []
    while (plan := planner.next_plan(state, 0.0)) is not None:
        state, effects = step(state, plan, InputLogs(log, topic="frames").take(plan))
        updates += [effects.update] if effects.update else []
    (update,) = updates
    assert (0, 1) in update.merged
    assert state.names.given == {0: "one"}


def test_a_person_comes_before_the_labeller_and_gives_way_again():
    voted = Names(votes={1: {"cat": 2.0}})
    named = voted.given_to(1, "kitten")
    assert named.of(1) == "kitten"
    assert named.given_to(1, "") == voted
    assert voted.of(1) == "cat"


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
    assert voted(1, *votes).of(1) == name


def test_a_cluster_keeps_its_name_while_the_labeller_slowly_loses_it():
    names = voted(1, *[("seven", 0.9)] * 5, *[("one", 0.4)] * 9)
    assert names.by_cluster() == {1: "seven"}


def test_votes_of_merged_clusters_add_up_and_those_of_pruned_ones_go():
    names = Names(votes={1: {"cat": 0.6}, 2: {"dog": 0.9}, 3: {"dog": 0.4}, 4: {"cow": 1.0}})
    after = names.after_update([(1, 2), (1, 3)], live=[1], votes=[])
    assert after.votes == {1: {"cat": 0.6, "dog": 1.3}}
    assert sorted(names.votes) == [1, 2, 3, 4]


def test_an_updates_words_vote_for_the_clusters_that_it_leaves():
    names = Names(votes={1: {"cat": 0.6}, 2: {"dog": 0.9}})
    after = names.after_update([(1, 2)], live=[1, 3], votes=[(1, "cat", 4.0), (3, "cow", 2.0)])
    assert after.votes == {1: {"cat": 4.6, "dog": 0.9}, 3: {"cow": 2.0}}


def test_in_whatever_order_votes_were_read_back_the_same_word_is_elected():
    weights = {"a": 0.1, "b": 0.2, "c": 0.3}
    elected = {
        Names(votes={1: {word: weights[word] for word in order}}).of(1) for order in itertools.permutations(weights)
    }
    assert len(elected) == 1


def test_the_words_of_a_cluster_are_bounded():
    names = voted(1, ("cat", 5.0), *((f"word {number}", 0.1 + number / 1e6) for number in range(1000)))
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
        names = names.with_reading(cluster, "dog", 40.0).with_reading(cluster, "cat", 1.0)
    assert (names.word_of(1), names.word_of(2)) == ("cat", "dog")
    assert names.votes[1] == {"cat": 33.0}
    assert names.with_vote(1, "dog", 40.0).word_of(1) == "dog"


def test_votes_that_do_not_agree_are_no_word():
    assert not Names().labeller_spoke
    assert not Names(votes={1: {"cat": 0.4}}).labeller_spoke
    assert Names(votes={1: {"cat": 0.4}, 2: {"cat": 1.0}}).labeller_spoke


def test_they_are_saved_and_loaded_whole_and_in_the_order_of_the_clusters():
    names = Names(given={10: "tom", 2: "tabby"}, votes={10: {"cat": 0.1, "ape": 0.2}, 3: {"dog": 1.5}})
    saved = json.loads(json.dumps(names.save().values))
    assert list(saved["given"]) == ["2", "10"]
    assert Names.load(Saved(saved), SETTINGS) == names
