import numpy as np
import pytest

from replay.judge.sample_filter import Candidates, FilterRules, Verdict, filter_candidates, spread_of

DIMENSIONS = 32


def around(centre, count, scatter=0.03, seed=0):
    """Return embeddings of length 1 around a direction."""
    noise = np.random.default_rng(seed).standard_normal((count, DIMENSIONS)) * scatter
    points = np.eye(DIMENSIONS)[centre] + noise
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


EXEMPLARS = around(0, 5, seed=1)


def reasons(embeddings, labels=None, flagged=None, exemplars=EXEMPLARS, name="cat", rules=None):
    count = len(embeddings)
    candidates = Candidates(embeddings, labels or ["cat"] * count, flagged or [False] * count)
    return [verdict.reason for verdict in filter_candidates(candidates, exemplars, name, rules or FilterRules())]


def test_images_like_the_exemplars_are_kept():
    assert reasons(around(0, 200, seed=2)) == [""] * 200
    assert Verdict().kept
    assert not Verdict("label").kept


def test_an_image_that_is_called_otherwise_or_nothing_is_not():
    assert reasons(around(0, 3, seed=2), labels=["dog", "", "cat"]) == ["label", "label", ""]


def test_without_a_name_no_label_is_wrong():
    assert reasons(around(0, 2, seed=2), labels=["dog", ""], name="") == ["", ""]


def test_an_image_of_something_else_is_too_far():
    assert reasons(np.vstack([around(0, 2, seed=2), around(1, 2, seed=3)])) == ["", "", "distance", "distance"]


def test_how_far_is_too_far_follows_the_exemplars_own_spread():
    close, loose = around(0, 5, scatter=0.02, seed=1), around(0, 5, scatter=0.1, seed=1)
    middling = around(0, 20, scatter=0.15, seed=2)
    assert set(reasons(middling, exemplars=close)) == {"distance"}
    assert set(reasons(middling, exemplars=loose)) == {""}


def test_copies_of_exemplars_and_of_images_that_are_kept_are_duplicates():
    fresh = around(0, 2, seed=2)
    given = np.vstack([EXEMPLARS[3:4], fresh, fresh[::-1]])
    assert reasons(given) == ["duplicate", "", "", "duplicate", "duplicate"]


def test_an_image_that_is_not_kept_makes_no_duplicates():
    one = around(0, 1, seed=2)
    assert reasons(np.vstack([one, one, one]), labels=["dog", "cat", "cat"]) == ["label", "", "duplicate"]
    assert reasons(np.vstack([one, one]), flagged=[True, False]) == ["safety", ""]


def test_the_safety_checker_precedes_all_other_reasons():
    assert reasons(around(1, 1), labels=["dog"], flagged=[True]) == ["safety"]


def test_a_verdict_does_not_depend_on_images_that_come_after():
    images = np.vstack([around(0, 20, seed=2), around(0, 11, scatter=0.15, seed=3), EXEMPLARS])
    whole = reasons(images)
    assert set(whole) == {"", "distance", "duplicate"}
    assert [reasons(images[:count]) for count in range(36)] == [whole[:count] for count in range(36)]


@pytest.mark.parametrize("exemplars", [EXEMPLARS[:1], np.repeat(EXEMPLARS[:1], 5, axis=0)])
def test_one_exemplar_or_copies_of_one_have_the_least_spread(exemplars):
    rules = FilterRules(most_spreads=10, least_spread=0.05)
    assert reasons(around(0, 2, seed=2), exemplars=exemplars, rules=rules) == ["", ""]
    assert reasons(around(1, 2, seed=2), exemplars=exemplars, rules=rules) == ["distance", "distance"]
    assert reasons(exemplars, exemplars=exemplars)[0] == "duplicate"


def test_what_is_no_number_is_far():
    images = np.vstack([np.full((1, DIMENSIONS), np.nan, np.float32), around(0, 1, seed=2)])
    assert reasons(images) == ["distance", ""]


def test_no_images_are_no_verdicts():
    assert reasons(np.empty((0, DIMENSIONS), np.float32)) == []


def test_counts_that_differ_are_an_error():
    with pytest.raises(ValueError, match="2 embeddings, 1 labels and 2 flags came; give one of each"):
        Candidates(around(0, 2), ["cat"], [False, False])


def test_spread_is_the_mean_distance_of_two():
    pairs = [1 - EXEMPLARS[i] @ EXEMPLARS[j] for i in range(5) for j in range(5) if i != j]
    assert spread_of(EXEMPLARS) == pytest.approx(np.mean(pairs), abs=1e-6)
    assert spread_of(EXEMPLARS[:1]) == 0.0
