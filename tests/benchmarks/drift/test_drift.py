"""The drift table: what counts as seen, as a false alarm and as a rest; and a recording of a small learner."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.drift.recordings import CalmLength, Recording, record_calm, record_change, varied
from benchmarks.drift.run import Bound, delay_frames, row_of, seen_live, signals_in, table, watchers
from tests.learner.small import SETTINGS, load_digits

PAGE_HINKLEY = watchers()["page_hinkley"]
ALWAYS, NEVER = Bound(fires=True), Bound(fires=False)


def recording(excess, change=None, anew=(0,), live=()):
    return Recording(np.asarray(excess, np.float64), anew, change, live)


def calm(frames=600):
    return recording(np.random.default_rng(0).normal(size=frames))


def changed(after, change=100):
    return recording([0.0] * change + after, change)


def test_after_a_signal_a_detector_rests_until_an_update_would_have_been():
    assert signals_in(recording([0.0] * 200), ALWAYS) == [0, 91, 182]


def test_what_never_fires_has_no_signals():
    assert signals_in(changed([9.0] * 200), NEVER) == []


def test_an_update_ends_the_rest():
    assert signals_in(recording([0.0] * 120, anew=(0, 50)), ALWAYS) == [0, 50]


def test_an_update_takes_away_the_evidence():
    excess = [0.0] * 50 + [3.0] * 3
    assert signals_in(recording(excess * 2, anew=(0, 53)), PAGE_HINKLEY) == []
    assert signals_in(recording([0.0] * 50 + [3.0] * 8), PAGE_HINKLEY) == [57]


def test_a_delay_counts_the_frames_of_the_new_world():
    assert delay_frames(changed([3.0] * 128), PAGE_HINKLEY) == 8
    assert delay_frames(changed([0.0] * 120 + [3.0] * 8), PAGE_HINKLEY) == 128
    assert delay_frames(changed([0.0] * 121 + [3.0] * 8), PAGE_HINKLEY) is None


def test_a_signal_before_the_change_is_not_its_detection():
    assert delay_frames(recording([5.0] * 20 + [0.0] * 200, change=20), PAGE_HINKLEY) is None


def test_a_row_counts_over_all_seeds():
    row = row_of([changed([3.0] * 128), changed([0.0] * 128)], [calm(), calm()], PAGE_HINKLEY)
    assert (row["detected_share"], row["false_alarms"], row["delays"]) == (0.5, 0, [8, 0])


@pytest.mark.parametrize(("end", "seen"), [(100, False), (101, True), (228, True), (229, False)])
def test_the_learner_itself_has_two_micro_tasks(end, seen):
    assert seen_live(recording([0.0] * 228, change=100, live=(end,))) is seen


def test_the_table_has_every_detector_and_its_bounds_and_says_what_it_lacks():
    figures, missing = table([changed([3.0] * 128)], [calm()])
    assert (figures["detected_share"], figures["false_alarms"]) == (1.0, 0)
    assert {"page_hinkley", "adwin", "kswin"} < figures.keys()
    assert figures["always_fire"]["false_alarms"] == 7
    assert (figures["never_fire"]["detected_share"], figures["never_fire"]["delay_frames"]) == (0.0, None)
    assert missing == {"never_fire.delay_frames": "no change was seen in time"}


def test_no_drawn_frame_comes_twice_and_the_seed_decides():
    pack = load_digits()
    one, same, other = (varied(pack, 50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert len(np.unique(one.reshape(50, -1), axis=0)) == 50
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_recorded_change_stands_where_the_new_classes_begin():
    pack = load_digits()
    few = replace(pack, stream_images=pack.stream_images[:300], stream_labels=pack.stream_labels[:300])
    found = record_change(few, 0, SETTINGS)
    assert len(found.excess_N) == found.change + 128
    assert np.isfinite(found.excess_N).all()


def test_a_calm_recording_has_the_wanted_length_and_an_update_in_every_window():
    found = record_calm(load_digits(), 0, SETTINGS, CalmLength(warm_up_frames=128, frames=300, updates=1))
    assert (len(found.excess_N), found.change) == (300, None)
    assert found.anew[0] == 0
    assert max(np.diff([*found.anew, 300])) <= SETTINGS.window_frames
