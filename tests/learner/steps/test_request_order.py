from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learner.steps.request_order import Share, Wanted, replay_schedule

WANTED = st.lists(
    st.builds(
        Wanted,
        cluster=st.integers(0, 50),
        images=st.integers(-5, 100),
        unseen_frames=st.integers(0, 5),
        name=st.sampled_from(["", "cat", "dog"]),
    ),
    max_size=12,
    unique_by=lambda one: one.cluster,
)
BUDGET = st.integers(0, 150)


def test_what_was_not_seen_for_long_comes_first_and_gets_all_it_wants():
    wanted = [Wanted(1, 30, 10), Wanted(2, 30, 9000), Wanted(3, 30, 500)]
    assert replay_schedule(wanted, 100, 50) == [Share(2, 30), Share(3, 20)]


def test_clusters_of_one_name_share_a_budget_and_unnamed_ones_do_not():
    wanted = [Wanted(1, 30, 4, "cat"), Wanted(2, 30, 3, "cat"), Wanted(3, 30, 2), Wanted(4, 30, 1)]
    assert replay_schedule(wanted, 40, 1000) == [Share(1, 30), Share(2, 10), Share(3, 30), Share(4, 30)]


@pytest.mark.parametrize(("of_class", "in_all"), [(0, 10), (10, 0)])
def test_without_a_budget_nothing_is_asked_for(of_class, in_all):
    assert replay_schedule([Wanted(1, 30, 0)], of_class, in_all) == []


@given(WANTED, BUDGET, BUDGET)
def test_budgets_hold_and_nobody_goes_short_without_a_reason(wanted, of_class, in_all):
    shares = replay_schedule(wanted, of_class, in_all)
    got = {share.cluster: share.images for share in shares}
    assert len(got) == len(shares)
    assert all(images > 0 for images in got.values())
    spent = Counter()
    for one in wanted:
        spent[one.name or one.cluster] += got.get(one.cluster, 0)
    assert sum(got.values()) <= in_all
    assert max(spent.values(), default=0) <= of_class
    for one in wanted:
        is_short = got.get(one.cluster, 0) < one.images
        assert not is_short or sum(got.values()) == in_all or spent[one.name or one.cluster] == of_class


@given(WANTED, BUDGET, BUDGET, st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_given_changes_nothing(wanted, of_class, in_all, chance):
    shuffled = list(wanted)
    chance.shuffle(shuffled)
    assert replay_schedule(shuffled, of_class, in_all) == replay_schedule(wanted, of_class, in_all)
