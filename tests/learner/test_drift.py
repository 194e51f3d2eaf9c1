import json

import numpy as np
import pytest
from river.drift import PageHinkley

from learner.drift import DriftDetector
from learner.settings import LearnerSettings

SETTINGS = LearnerSettings(drift_min_frames=15, drift_delta=0.5, drift_threshold=20.0, excess_limit=10.0)


def stream(seed, calm=120, changed=60, shift=2.0):
    draw = np.random.default_rng(seed)
    return np.concatenate([draw.normal(size=calm), draw.normal(shift, size=changed)]).tolist()


def signals(detector, values):
    return {place: found for place, value in enumerate(values) if (found := detector.update(value, place))}


@pytest.mark.parametrize("seed", range(5))
def test_it_signals_at_the_very_frames_at_which_rivers_detector_does(seed):
    river = PageHinkley(min_instances=15, delta=0.5, threshold=20.0, mode="up")
    expected = []
    for place, value in enumerate(stream(seed)):
        river.update(min(value, SETTINGS.excess_limit))
        expected += [place] if river.drift_detected else []
    assert expected
    assert list(signals(DriftDetector(SETTINGS), stream(seed))) == expected


def test_the_evidence_is_the_statistic_that_passed_the_threshold():
    place, signal = next(iter(signals(DriftDetector(SETTINGS), stream(0)).items()))
    assert signal.detector == "page_hinkley"
    assert signal.frame == place >= 120
    assert signal.statistic > signal.threshold == SETTINGS.drift_threshold


def test_one_frame_counts_at_most_its_limit_however_odd_it_is():
    detector = DriftDetector(SETTINGS)
    assert signals(detector, [0.0] * 50 + [1e9] + [0.0] * 50) == {}


def test_less_dispersion_than_usual_is_no_change():
    assert signals(DriftDetector(SETTINGS), stream(0, shift=-5.0)) == {}


@pytest.mark.parametrize("cut", [0, 1, 100, 130])
def test_saved_and_restored_it_continues_bit_for_bit(cut):
    values = stream(3, shift=1.0)
    whole, first, second = (DriftDetector(SETTINGS) for _ in range(3))
    expected = signals(whole, values)
    found = signals(first, values[:cut])
    second.restore(json.loads(json.dumps(first.to_state(), allow_nan=False)))
    found |= {cut + place: signal for place, signal in signals(second, values[cut:]).items()}
    assert list(found) == list(expected)
    assert [signal.statistic for signal in found.values()] == [signal.statistic for signal in expected.values()]
    assert second.to_state() == whole.to_state()


def test_after_a_signal_it_begins_anew_also_when_restored():
    values = stream(0)
    place = next(iter(signals(DriftDetector(SETTINGS), values)))
    whole, first, second = (DriftDetector(SETTINGS) for _ in range(3))
    signals(whole, values)
    signals(first, values[: place + 1])
    second.restore(first.to_state())
    signals(second, values[place + 1 :])
    assert second.to_state() == whole.to_state()
