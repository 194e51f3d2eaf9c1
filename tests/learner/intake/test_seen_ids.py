from learner.intake.seen_ids import SeenIds


def test_the_newest_ids_are_known_and_the_oldest_are_forgotten():
    seen = SeenIds()
    assert all(seen.admit(str(number)) for number in range(300))
    assert not seen.admit("299")
    assert not seen.admit("44")
    assert seen.admit("43")
    assert len(seen.to_state()) == 256


def test_it_is_saved_in_order_and_with_bounded_length():
    seen = SeenIds()
    seen.admit("x" * 1000)
    seen.admit("b")
    assert seen.to_state() == ["x" * 200, "b"]
    assert SeenIds(seen.to_state()).to_state() == seen.to_state()
    assert not seen.admit("x" * 999)
