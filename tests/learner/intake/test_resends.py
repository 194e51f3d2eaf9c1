import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.intake.resends import ResendWindows
from learner.part import Saved
from tests.learner.small import SETTINGS

WIDTH = 1024
SOURCES = 4096


def resent(windows, frames):
    """Return the windows after the frames, and of each whether it came before."""
    return windows.noted(frames)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, WIDTH - 1)), max_size=300))
def test_inside_the_window_it_is_a_set(sent):
    _, found = resent(ResendWindows(), sent)
    assert found == [frame in sent[:place] for place, frame in enumerate(sent)]


def test_far_jumps_agree_with_a_set_of_the_newest_numbers():
    draw, windows, seen, highest = np.random.default_rng(0), ResendWindows(), set(), -1
    for _ in range(5000):
        sequence = max(0, highest + int(draw.integers(-2000, 1500)))
        too_old = sequence <= highest - WIDTH
        windows, came_before = windows.noted([("a", sequence)])
        assert came_before == [sequence in seen or too_old]
        seen.add(sequence)
        highest = max(highest, sequence)


def test_a_number_older_than_the_window_counts_as_come():
    _, found = resent(ResendWindows(), [("a", WIDTH), ("a", 0), ("a", 1)])
    assert found == [False, True, False]


def test_the_source_seen_longest_ago_is_forgotten_first_and_memory_is_bounded():
    windows, _ = resent(ResendWindows(), [(f"s{number}", 0) for number in range(SOURCES)])
    windows, _ = resent(windows, [("s0", 1), ("new", 0)])
    _, found = resent(windows, [("s0", 0), ("s1", 0)])
    assert found == [True, False], "s0 was seen again, s1 was forgotten and counts as new"
    windows, _ = resent(windows, [(f"t{number}", 10**15) for number in range(SOURCES)])
    saved = windows.save().values["windows"]
    assert len(saved) == SOURCES
    assert all(len(bits) <= WIDTH // 4 for _, _, bits in saved)


def test_noting_a_frame_leaves_the_windows_that_were_there_as_they_were():
    windows, _ = ResendWindows().noted([("a", 0)])
    later, _ = windows.noted([("a", 1)])
    assert windows.noted([("a", 1)])[1] == [False]
    assert later.noted([("a", 1)])[1] == [True]


def test_saved_and_loaded_it_knows_and_forgets_the_same():
    draw = np.random.default_rng(1)
    frames = [(str(draw.choice(list("abcdef"))), int(draw.integers(3000))) for _ in range(1000)]
    windows, _ = resent(ResendWindows(), frames[:500])
    loaded = ResendWindows.load(Saved(json.loads(json.dumps(windows.save().values))), SETTINGS)
    assert loaded.save() == windows.save()
    assert resent(loaded, frames[500:]) == resent(windows, frames[500:])
