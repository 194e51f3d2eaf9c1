from learner.intake.seen_ids import SeenIds
from tests.learner.small import SETTINGS


def seen(*ids):
    all_ids = SeenIds()
    for one in ids:
        all_ids = all_ids.noted(one)
    return all_ids


def test_the_newest_ids_are_known_and_the_oldest_are_forgotten():
    newest = seen(*map(str, range(300)))
    assert "299" in newest
    assert "44" in newest
    assert "43" not in newest
    assert len(newest.ids) == 256


def test_an_id_that_is_known_keeps_its_place():
    assert seen("a", "b", "a").ids == ("a", "b")


def test_noting_an_id_leaves_what_was_there_as_it_was():
    before = seen("a")
    assert "b" in before.noted("b")
    assert "b" not in before


def test_it_is_saved_in_order_and_with_bounded_length():
    before = seen("x" * 1000, "b")
    assert before.save().values == {"ids": ["x" * 200, "b"]}
    after = SeenIds.load(before.save(), SETTINGS)
    assert after == before
    assert "x" * 999 in after
