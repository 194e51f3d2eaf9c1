"""What every `DriftDetector` keeps; a new one joins `DETECTORS`."""

import json

import numpy as np
import pytest
import torch

from learner.change.excess import ExcessDetector
from learner.change.uncertain_rate import UncertainRate
from learner.model.contract import Scores
from learner.part import Saved
from learner.settings import LearnerSettings

REAL = ("page_hinkley", "adwin", "kswin")
DETECTORS = (*REAL, "uncertain_rate")
MICRO_TASK = LearnerSettings().micro_task_frames
SILENT_FRAMES = 2 * LearnerSettings().longest_interval_frames  # after half of them an update begins a detector anew


def settings(name):
    return LearnerSettings() if name == "uncertain_rate" else LearnerSettings(drift_detector=name)


def new(name):
    kind = UncertainRate if name == "uncertain_rate" else ExcessDetector
    return kind.new(settings(name))


def loaded(name, detector):
    values = json.loads(json.dumps(dict(detector.save().values), allow_nan=False))
    return type(detector).load(Saved(values), settings(name))


def excesses(seed, frames, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=frames).tolist()


def scores_of(values):
    excess_N = torch.tensor(values, dtype=torch.float64)
    nothing = torch.zeros(len(values), dtype=torch.int64)
    return Scores(excess_N[:, None], nothing, excess_N, excess_N, excess_N > 1.0)


def watched(detector, values, frames=MICRO_TASK):
    """Show the values in micro-tasks, the next one behind each signal; return the detector, and places and signals."""
    found, place = [], 0
    while place < len(values):
        task = values[place : place + frames]
        detector, signal = detector.observe(scores_of(task))
        if signal is not None:
            found.append((place + signal.frame, signal))
        place += len(task) if signal is None else signal.frame + 1
    return detector, found


def signals(detector, values):
    return watched(detector, values)[1]


@pytest.fixture(params=DETECTORS)
def name(request):
    return request.param


@pytest.fixture(params=REAL)
def real(request):
    return request.param


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("calm", [0, 1, 60, 400])
def test_a_step_of_two_deviations_is_signalled_within_two_micro_tasks(real, calm, seed):
    detector, found = watched(new(real), excesses(seed, calm))
    assert found == []
    assert signals(detector, excesses(seed + 100, 2 * MICRO_TASK, mean=2.0))


@pytest.mark.parametrize("mean", [0.0, -0.3])
def test_it_is_silent_while_nothing_changes(real, mean):
    for seed in range(8):
        assert signals(new(real), excesses(seed, SILENT_FRAMES, mean)) == []


def test_less_dispersion_than_usual_is_no_change(name):
    assert signals(new(name), excesses(1, 320, mean=-3.0)) == []


def test_less_dispersion_than_before_is_no_change(real):
    assert signals(new(real), excesses(0, 200) + excesses(1, 200, mean=-3.0)) == []


def test_one_frame_is_no_change_however_odd_it_is(real):
    values = excesses(0, 200)
    values[100] = 1e9
    assert signals(new(real), values) == []


def test_a_world_that_none_of_the_clusters_knows_is_signalled_at_one_of_its_frames(name):
    detector, signal = new(name).observe(scores_of(excesses(0, 2 * MICRO_TASK, mean=9.0)))
    assert signal is not None
    assert 0 <= signal.frame < 2 * MICRO_TASK
    assert detector.name == signal.detector == name


def test_the_evidence_names_the_detector_and_the_frame_and_passes_its_threshold(real):
    calm, _ = watched(new(real), excesses(0, 40))
    place, signal = signals(calm, excesses(1, 2 * MICRO_TASK, mean=2.0))[0]
    assert (signal.detector, signal.frame) == (real, place % MICRO_TASK)
    assert signal.statistic >= signal.threshold


@pytest.mark.parametrize("frames", [1, 7, 300])
def test_where_micro_tasks_are_cut_changes_no_signal(real, frames):
    values = excesses(3, 150) + excesses(4, 100, mean=1.5)

    def places(frames):
        return [(place, signal.statistic) for place, signal in watched(new(real), values, frames)[1]]

    assert places(frames) == places(MICRO_TASK)


@pytest.mark.parametrize("cut", [0, 1, 7, 100, 130, 199])
def test_saved_and_loaded_it_continues_bit_for_bit(name, cut):
    values = excesses(3, 150) + excesses(4, 100, mean=1.5)
    first, _ = watched(new(name), values[:cut])
    again = loaded(name, first)
    assert again.save() == first.save()
    one, found = watched(first, values[cut:])
    other, found_again = watched(again, values[cut:])
    assert found_again == found
    assert other.save() == one.save()


def test_observing_leaves_the_detector_that_observed_as_it_was(name):
    before, _ = watched(new(name), excesses(3, 100))
    saved = before.save()
    change = scores_of(excesses(4, 2 * MICRO_TASK, mean=3.0))
    _, signal = before.observe(change)
    assert signal is not None
    assert before.save() == saved
    assert before.observe(change)[1] == signal


def test_after_a_signal_and_renewed_it_is_as_new(name):
    calm, _ = watched(new(name), excesses(3, 40))
    after, signal = calm.observe(scores_of([5.0] * 2 * MICRO_TASK))
    assert signal is not None
    for anew in (after, calm.renewed(), after.renewed()):
        assert anew.save() == new(name).save()
        assert signals(anew, excesses(1, 300)) == signals(new(name), excesses(1, 300))


def test_what_it_holds_is_bounded_and_still_loaded_bit_for_bit(name):
    detector, _ = watched(new(name), excesses(5, 9000))
    assert len(json.dumps(dict(detector.save().values))) < 100_000
    later = excesses(6, 700) + excesses(7, 100, mean=2.0)
    assert signals(loaded(name, detector), later) == signals(detector, later)


def test_the_same_frames_give_the_same_evidence(name):
    values = excesses(8, 50) + excesses(9, 100, mean=2.0)
    one, other = (signals(new(name), values) for _ in range(2))
    assert one == other
