"""The growth benchmark: a stream that recurs but never repeats a frame, and figures that say what they compare."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from benchmarks.growth.recurring_stream import VISIT_FRAMES, RecurringLearner, visits
from benchmarks.growth.repeated_steps import REPEATS, Step, measure_steps
from benchmarks.growth.run import Plan, Trace, figures_of, missing_of
from learner.process import fix_threads
from learner.settings import AutoencoderSettings, ClusterSettings, LearnerSettings
from stream.sources.datasets.packs import load_pack

SMALL = LearnerSettings(
    autoencoder=AutoencoderSettings(channels=(8, 8, 8), epochs=1, input_size=16),
    clusters=ClusterSettings(projection_dimensions=8, most_births=3),
    window_frames=64,
    drift_threshold=1e9,
)


def test_tasks_recur_and_no_frame_comes_twice():
    pack = load_pack("digits", None)
    two = replace(pack, stream_images=pack.stream_images[:2].copy(), stream_labels=np.array([0, 1]), names=("0", "1"))
    two.stream_images[0], two.stream_images[1] = 40, 200
    by_visit = list(islice(visits(two, 1, seed=3), 3))
    assert [visit.shape for visit in by_visit] == [(VISIT_FRAMES, 32, 32, 3)] * 3
    assert [int(visit.max(axis=(1, 2, 3)).min()) > 100 for visit in by_visit] == [False, True, False]
    frames = np.concatenate([visit.reshape(VISIT_FRAMES, -1) for visit in islice(visits(pack, 5, seed=3), 3)])
    assert len(np.unique(frames, axis=0)) == 3 * VISIT_FRAMES


def test_the_stream_shows_no_test_image_and_is_the_same_for_a_seed():
    pack = load_pack("digits", None)
    unseen = replace(pack, test_images=np.full_like(pack.test_images, 255))
    one, other = (next(visits(source, 2, seed=5)) for source in (pack, unseen))
    assert (one == other).all()


def test_a_learner_goes_on_over_the_ends_of_visits_and_both_learners_do_the_same_work():
    pack = load_pack("digits", None)
    fix_threads(1)
    learner = RecurringLearner(SMALL, visits(pack, 2, seed=0))
    for _ in range(4):
        learner.next_update()
    assert learner.state.progress.updates == 4
    assert learner.frames > VISIT_FRAMES
    seen = learner.frames
    steps = measure_steps(pack, learner.state, learner.state)
    assert [len(steps[name]) for name in ("early", "late")] == [REPEATS, REPEATS]
    assert all(step.update_seconds > 0 and step.score_seconds > 0 for step in steps["late"])
    assert (learner.state.progress.updates, learner.frames) == (4, seen)


@pytest.mark.parametrize(
    ("updates", "expected"), [(500, Plan(5, 50, 50, 500)), (100, Plan(5, 50, 50, 100)), (14, Plan(5, 12, 7, 14))]
)
def test_a_shorter_run_compares_what_it_has(updates: int, expected: Plan):
    assert Plan.of(updates) == expected


def trace() -> Trace:
    return Trace(
        state_bytes={3: 90, 4: 100, 5: 100, 6: 100, 7: 500, 48: 110, 50: 110, 52: 110},
        resident_bytes={5: 1000, 50: 1200},
        checkpoint_bytes={5: 100, 50: 104},
        quality={50: {"acc": 0.8}, 500: {"acc": 0.6}},
    )


def test_ratios_are_of_medians_and_the_slower_kind_of_step_counts():
    steps = {"early": [Step(1.0, 10.0)] * 5, "late": [Step(1.5, 11.0)] * 4 + [Step(99.0, 99.0)]}
    plan = Plan.of(500)
    figures = figures_of(trace(), steps, plan)
    assert figures["memory_ratio"] == pytest.approx(1.1)
    assert figures["resident_memory_ratio"] == pytest.approx(1.2)
    assert figures["checkpoint_bytes_ratio"] == pytest.approx(1.04)
    assert figures["score_time_ratio"] == pytest.approx(1.5)
    assert figures["update_time_ratio"] == pytest.approx(1.1)
    assert figures["step_time_ratio"] == pytest.approx(1.5)
    assert missing_of(figures, plan) == {}
    assert figures["quality_500_over_50"] == pytest.approx(0.75)


def test_a_shorter_run_does_not_claim_the_figure_of_500_updates():
    plan = Plan(5, 50, 50, 250)
    assert "250 updates" in missing_of({}, plan)["quality_500_over_50"]
