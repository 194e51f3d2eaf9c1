import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.intake.resends import ResendWindows

WIDTH = 1024
SOURCES = 4096


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, WIDTH - 1)), max_size=300))
def test_inside_the_window_it_is_a_set(sent):
    windows, seen = ResendWindows(), set()
    for frame in sent:
        assert windows.admit(*frame) == (frame not in seen)
        seen.add(frame)


def test_far_jumps_agree_with_a_set_of_the_newest_numbers():
    draw, windows, seen, highest = np.random.default_rng(0), ResendWindows(), set(), -1
    for _ in range(5000):
        sequence = max(0, highest + int(draw.integers(-2000, 1500)))
        too_old = sequence <= highest - WIDTH
        assert windows.admit("a", sequence) == (sequence not in seen and not too_old)
        seen.add(sequence)
        highest = max(highest, sequence)


def test_a_number_older_than_the_window_counts_as_seen():
    windows = ResendWindows()
    assert windows.admit("a", WIDTH)
    assert not windows.admit("a", 0)
    assert windows.admit("a", 1)


def test_the_source_seen_longest_ago_is_forgotten_first_and_memory_is_bounded():
    windows = ResendWindows()
    for number in range(SOURCES):
        windows.admit(f"s{number}", 0)
    windows.admit("s0", 1)
    windows.admit("new", 0)
    assert not windows.admit("s0", 0), "was seen again, so it is remembered"
    assert windows.admit("s1", 0), "was forgotten, so it counts as new"
    for number in range(10 * SOURCES):
        windows.admit(f"t{number}", 10**15)
    assert len(windows.to_state()) == SOURCES
    assert all(len(bits) <= WIDTH // 4 for _, _, bits in windows.to_state())


def test_saved_and_restored_it_knows_and_forgets_the_same():
    windows, draw = ResendWindows(), np.random.default_rng(1)
    for _ in range(500):
        windows.admit(str(draw.choice(list("abcdef"))), int(draw.integers(3000)))
    restored = ResendWindows.from_state(json.loads(json.dumps(windows.to_state())))
    assert restored.to_state() == windows.to_state()
    for _ in range(500):
        source, sequence = str(draw.choice(list("abcdef"))), int(draw.integers(3000))
        assert restored.admit(source, sequence) == windows.admit(source, sequence)
