"""What every `DriftDetector` keeps; a new one joins `DETECTORS`."""

import json

import numpy as np
import pytest
from learner.change.detectors import new_detector

from learner.settings import LearnerSettings

REAL = ("page_hinkley", "adwin", "kswin")
DETECTORS = (*REAL, "never", "always")
TWO_MICRO_TASKS = 128
SILENT_FRAMES = 2 * LearnerSettings().longest_interval_frames  # after half of them an update begins a detector anew


def settings(name):
    return LearnerSettings(drift_detector=name)


def excesses(seed, frames, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=frames).tolist()


def signals(detector, values, first=0):
    found = ((place, detector.update(value, place)) for place, value in enumerate(values, first))
    return [(place, signal) for place, signal in found if signal is not None]


@pytest.fixture(params=DETECTORS)
def name(request):
    return request.param


@pytest.fixture(params=REAL)
def real(request):
    return request.param


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("calm", [0, 1, 60, 400])
def test_a_step_of_two_deviations_is_signalled_within_two_micro_tasks(real, calm, seed):
    detector = new_detector(settings(real))
    assert signals(detector, excesses(seed, calm)) == []
    assert signals(detector, excesses(seed + 100, TWO_MICRO_TASKS, mean=2.0))


@pytest.mark.parametrize("mean", [0.0, -0.3])
def test_it_is_silent_while_nothing_changes(real, mean):
    for seed in range(8):
        assert signals(new_detector(settings(real)), excesses(seed, SILENT_FRAMES, mean)) == []


def test_less_dispersion_than_usual_is_no_change(real):
    detector = new_detector(settings(real))
    assert signals(detector, excesses(0, 200) + excesses(1, 200, mean=-3.0)) == []


def test_one_frame_is_no_change_however_odd_it_is(real):
    values = excesses(0, 200)
    values[100] = 1e9
    assert signals(new_detector(settings(real)), values) == []


def test_the_evidence_names_the_detector_and_the_frame_and_passes_its_threshold(real):
    detector = new_detector(settings(real))
    place, signal = signals(detector, excesses(0, 40) + excesses(1, TWO_MICRO_TASKS, mean=2.0), first=1000)[0]
    assert (signal.detector, signal.frame) == (real, place)
    assert place >= 1040
    assert signal.statistic >= signal.threshold


@pytest.mark.parametrize("cut", [0, 1, 7, 100, 130, 199])
def test_saved_and_restored_it_continues_bit_for_bit(name, cut):
    values = excesses(3, 150) + excesses(4, 100, mean=1.5)
    whole, first, second = (new_detector(settings(name)) for _ in range(3))
    expected = signals(whole, values)
    found = signals(first, values[:cut])
    second.restore(json.loads(json.dumps(first.to_state(), allow_nan=False)))
    assert second.to_state() == first.to_state()
    assert found + signals(second, values[cut:], first=cut) == expected
    assert second.to_state() == whole.to_state()


def test_after_a_signal_it_is_as_new(real):
    detector = new_detector(settings(real))
    assert any(detector.update(5.0, frame) for frame in range(TWO_MICRO_TASKS))
    while detector.to_state():
        detector.update(5.0, 0)
    assert signals(detector, excesses(1, 300)) == signals(new_detector(settings(real)), excesses(1, 300))


def test_a_new_one_and_one_restored_from_a_new_one_hold_nothing(name):
    detector = new_detector(settings(name))
    detector.restore(detector.to_state())
    assert detector.to_state() == {}


def test_what_it_holds_is_bounded_and_still_restored_bit_for_bit(name):
    detector, values = new_detector(settings(name)), excesses(5, 5000)
    signals(detector, values)
    assert len(json.dumps(detector.to_state())) < 32_000
    again = new_detector(settings(name))
    again.restore(json.loads(json.dumps(detector.to_state())))
    later = excesses(6, 700) + excesses(7, 100, mean=2.0)
    assert signals(again, later) == signals(detector, later)


def test_the_same_frames_give_the_same_evidence(name):
    values = excesses(8, 50) + excesses(9, 100, mean=2.0)
    one, other = (signals(new_detector(settings(name)), values) for _ in range(2))
    assert one == other


def test_the_bounds_signal_never_and_always():
    values = excesses(0, 20, mean=9.0)
    assert signals(new_detector(settings("never")), values) == []
    assert [place for place, _ in signals(new_detector(settings("always")), values)] == list(range(20))
