"""The detectors against river's own, number for number; and as part of a learner."""

from dataclasses import replace

import numpy as np
import pytest
from river.drift import ADWIN, KSWIN, PageHinkley

from learner.change.excess import ExcessDetector
from learner.faults import Faults
from learner.save.checkpoint import CheckpointStore
from learner.save.format import state_from_bytes, state_to_bytes
from learner.save.resume import resume
from learner.settings import LearnerSettings
from learner.state import LearnerState
from tests.learner.small import SETTINGS as SMALL
from tests.learner.small import digits_log, run_through

SETTINGS = LearnerSettings(drift_delta=0.5, drift_threshold=20.0)
KNOWN_FRAMES = 100
MOST_OF_A_FRAME = 10.0


def stream(seed, calm=120, changed=160, shift=2.0):
    draw = np.random.default_rng(seed)
    return np.concatenate([draw.normal(size=calm), draw.normal(shift, size=changed)]).tolist()


def first_signal(name, values, **chosen):
    detector = ExcessDetector.new(SETTINGS.model_copy(update={"drift_detector": name, **chosen}))
    return detector.observe_excess(values)[1]


def first_fired(river, values):
    for place, value in enumerate(values):
        river.update(value)
        if river.drift_detected:
            return place
    return None


@pytest.mark.parametrize("seed", range(5))
def test_page_hinkley_signals_at_the_very_frame_at_which_rivers_does(seed):
    river = PageHinkley(delta=0.5, threshold=20.0, mode="up")
    expected = first_fired(river, [0.0] * KNOWN_FRAMES + stream(seed)) - KNOWN_FRAMES
    assert first_signal("page_hinkley", stream(seed)).frame == expected >= 120


def test_page_hinkleys_evidence_is_the_sum_that_passed_its_threshold():
    signal = first_signal("page_hinkley", stream(0))
    assert signal.statistic > signal.threshold == SETTINGS.drift_threshold
    assert signal.statistic < signal.threshold + MOST_OF_A_FRAME


def test_one_frame_counts_at_most_its_limit():
    assert first_signal("page_hinkley", [0.0] * 50 + [1e9] + [0.0] * 50) is None
    assert first_signal("page_hinkley", [0.0] * 50 + [1e9] * 3).frame == 52


@pytest.mark.parametrize("seed", range(5))
def test_adwin_signals_at_the_very_frame_at_which_rivers_does(seed):
    known = np.random.default_rng(0).normal(size=KNOWN_FRAMES).tolist()
    expected = first_fired(ADWIN(delta=0.002, clock=1), known + stream(seed)) - KNOWN_FRAMES
    assert first_signal("adwin", stream(seed)).frame == expected >= 120


@pytest.mark.parametrize("seed", range(5))
def test_adwins_evidence_is_the_difference_of_means_over_its_bound(seed):
    signal = first_signal("adwin", stream(seed))
    assert signal.threshold == 1.0
    assert 1.0 < signal.statistic < 1.5


@pytest.mark.parametrize("seed", range(5))
def test_kswin_signals_at_the_very_mean_at_which_rivers_does(seed):
    known = np.random.default_rng(0).normal(scale=8**-0.5, size=60).tolist()
    means = np.reshape(stream(seed), (-1, 8)).mean(1).tolist()
    expected = first_fired(KSWIN(0.0001, 60, 10, seed=0, window=known), means)
    assert first_signal("kswin", stream(seed)).frame == 8 * expected + 7


def test_kswins_evidence_is_the_tests_p_value():
    signal = first_signal("kswin", stream(0))
    assert signal.threshold == pytest.approx(4.0)
    assert signal.threshold <= signal.statistic < 12.0


@pytest.mark.parametrize("stricter", [{"drift_threshold": 40.0}, {"drift_delta": 1.0}])
def test_a_stricter_setting_signals_later(stricter):
    assert first_signal("page_hinkley", stream(1), **stricter).frame > first_signal("page_hinkley", stream(1)).frame


@pytest.mark.parametrize("name", ["page_hinkley", "adwin", "kswin"])
def test_a_checkpoint_holds_whichever_detector_watched(name):
    state = LearnerState.new(SETTINGS.model_copy(update={"drift_detector": name}))
    detector, _ = state.detector.observe_excess(stream(0, calm=50, changed=0))
    again = state_from_bytes(state_to_bytes(replace(state, detector=detector)))
    assert again.detector.name == name
    assert again.detector.seen == detector.seen != ()


def test_after_a_restart_with_another_detector_that_one_begins_anew(tmp_path):
    state, _ = run_through(digits_log(96), SMALL)
    checkpoint = CheckpointStore(tmp_path, "m", 3, Faults()).save(state, {}, 0).folder
    same = resume(checkpoint, SMALL, digits_log(96), {}, "frames")
    assert same.detector.seen == state.detector.seen != ()
    other = resume(checkpoint, SMALL.model_copy(update={"drift_detector": "adwin"}), digits_log(96), {}, "frames")
    assert (other.detector.name, other.detector.seen) == ("adwin", ())
