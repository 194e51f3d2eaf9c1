import numpy as np
import pytest
import torch

from learner.model.clusters.clustering import Clustering
from learner.model.clusters.mixture import TiedMixture, fit
from learner.model.clusters.uncertainty import HeldOut, Uncertainty, fit_uncertainty, held_out

SLOTS, WIDTH = 6, 16
LIVE = (0, 1, 2)


def world(seed, each=40, shift=0.0):
    """Return points of three classes around centres that are always the same, and each point's class."""
    centres = 3 * torch.randn(3, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(3 * each, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return centres.repeat_interleave(each, 0) + noise + shift, torch.arange(3).repeat_interleave(each)


class Fitted:
    """What is learned from one window of `world`, and how other points look to it."""

    def __init__(self, seed, each=40):
        points, slots = world(seed, each)
        means = torch.stack([points[slots == slot].mean(0) for slot in LIVE])
        self.start = TiedMixture.empty(SLOTS, WIDTH).with_added(means)
        self.mixture = fit(self.start, points, slots)
        self.seen = held_out(Clustering(self.start, slots), points, torch.Generator().manual_seed(seed))
        nothing = Uncertainty.empty(SLOTS, WIDTH)
        self.uncertainty = fit_uncertainty(nothing, self.start, self.mixture, self.seen)
        self.in_sample = self.dispersion(points)[0]

    def dispersion(self, points):
        slots = self.mixture.probabilities(points).argmax(1)
        return self.uncertainty.dispersion(self.mixture.whiten(points), slots), slots

    def excess(self, points):
        return float(self.uncertainty.excess(*self.dispersion(points)).mean())


@pytest.fixture(scope="module")
def fitted():
    return Fitted(0)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_held_out_dispersion_is_larger_than_in_sample_and_that_of_frames_to_come(seed):
    learned = Fitted(seed)
    held_out_mean = float(learned.seen.dispersion_N.mean())
    fresh, _ = learned.dispersion(world(seed + 100, 200)[0])
    assert held_out_mean > 1.1 * float(learned.in_sample.mean())
    assert held_out_mean == pytest.approx(float(fresh.mean()), rel=0.1)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_frames_of_the_known_world_have_no_excess_and_those_of_another_have(seed):
    learned = Fitted(seed)
    assert abs(learned.excess(world(seed + 100, 200)[0])) < 0.5
    elsewhere = 1.5 * torch.randn(WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    assert learned.excess(world(seed + 100, 200, elsewhere)[0]) > 1.0


def test_each_frame_is_looked_at_by_a_mixture_that_was_fitted_without_it(fitted):
    points, slots = world(0)
    fold = torch.randperm(len(points), generator=torch.Generator().manual_seed(0)) % 5
    for place in (0, 57, 119):
        without = fit(fitted.start, points[fold != fold[place]], slots[fold != fold[place]])
        slot = int(without.probabilities(points[place : place + 1]).argmax())
        inverse = np.linalg.inv(np.linalg.cholesky(without.covariance_DD.numpy()))
        expected = np.mean((inverse @ (points[place] - without.means_KD[slot]).numpy()) ** 2)
        assert float(fitted.seen.dispersion_N[place]) == pytest.approx(expected)
        assert int(fitted.seen.slots_N[place]) == slot


def test_the_same_generator_holds_the_same_frames_out(fitted):
    points, slots = world(0)
    clustering = Clustering(fitted.start, slots)
    again, other = (held_out(clustering, points, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.equal(again.dispersion_N, fitted.seen.dispersion_N)
    assert not torch.equal(other.dispersion_N, fitted.seen.dispersion_N)


@pytest.mark.parametrize("slot", LIVE)
def test_mean_deviation_and_threshold_are_those_of_the_clusters_held_out_frames(fitted, slot):
    uncertainty = fitted.uncertainty
    own = [float(d) for d, k in zip(fitted.seen.dispersion_N, fitted.seen.slots_N, strict=True) if k == slot]
    mean = sum(own) / len(own)
    deviation = (sum((d - mean) ** 2 for d in own) / len(own)) ** 0.5
    assert float(uncertainty.mean_K[slot]) == float(uncertainty.recent_K[slot]) == pytest.approx(mean)
    assert float(uncertainty.deviation_K[slot]) == pytest.approx(deviation)
    assert float(uncertainty.threshold_K[slot]) == pytest.approx(mean + deviation)


def test_the_mode_of_a_cluster_is_its_whitened_mean(fitted):
    inverse = np.linalg.inv(np.linalg.cholesky(fitted.mixture.covariance_DD.numpy()))
    np.testing.assert_allclose(fitted.uncertainty.modes_KD, fitted.mixture.means_KD.numpy() @ inverse.T, atol=1e-9)


def test_dispersion_excess_and_uncertain_are_measured_by_the_samples_own_cluster(fitted):
    points, _ = world(5)
    whitened, uncertainty = fitted.mixture.whiten(points), fitted.uncertainty
    dispersion, slots = fitted.dispersion(points)
    for i in (0, 57, 119):
        k, total = int(slots[i]), 0.0
        for value, centre in zip(whitened[i], uncertainty.modes_KD[k], strict=True):
            total += float(value - centre) ** 2
        assert float(dispersion[i]) == pytest.approx(total / WIDTH)
        excess = (total / WIDTH - float(uncertainty.mean_K[k])) / float(uncertainty.deviation_K[k])
        assert float(uncertainty.excess(dispersion, slots)[i]) == pytest.approx(excess)
        assert bool(uncertainty.uncertain(dispersion, slots)[i]) == (excess > 1)


def refitted(old, behind, dispersion, slots):
    """Return what held-out frames of given dispersion make of what was known of clusters 0 to 2."""
    mixture = TiedMixture.empty(SLOTS, WIDTH).with_added(torch.zeros(3, WIDTH, dtype=torch.float64))
    counts = torch.tensor([*behind, 0.0, 0.0, 0.0], dtype=torch.float64)
    start = TiedMixture(mixture.means_KD, mixture.ids_K, counts, mixture.covariance_DD, 0.0, 3)
    return fit_uncertainty(old, start, mixture, HeldOut(torch.from_numpy(dispersion), torch.tensor(slots)))


def test_a_new_cluster_of_too_few_frames_borrows_the_pooled_figures():
    dispersion = np.random.default_rng(0).random(40)
    found = refitted(Uncertainty.empty(SLOTS, WIDTH), [0, 0, 0], dispersion, [0] * 31 + [1] * 9)
    for slot in (1, 2):
        assert float(found.mean_K[slot]) == pytest.approx(dispersion.mean())
        assert float(found.deviation_K[slot]) == pytest.approx(dispersion.std())
    assert float(found.mean_K[0]) == pytest.approx(dispersion[:31].mean())


def test_a_known_cluster_is_moved_by_its_new_frames_as_if_the_old_ones_were_still_there():
    draw = np.random.default_rng(0)
    before, new = draw.normal(1.0, 0.2, 60), draw.normal(1.6, 0.4, 20)
    first = refitted(Uncertainty.empty(SLOTS, WIDTH), [0, 0, 0], before, [0] * 60)
    found = refitted(first, [60, 0, 0], new, [0] * 20)
    together = np.concatenate([before, new])
    assert float(found.mean_K[0]) == pytest.approx(together.mean())
    assert float(found.deviation_K[0]) == pytest.approx(together.std())
    assert float(found.threshold_K[0]) == pytest.approx(together.mean() + together.std())


def test_a_known_cluster_of_too_few_new_frames_keeps_what_is_known_of_it():
    first = refitted(Uncertainty.empty(SLOTS, WIDTH), [0, 0, 0], np.random.default_rng(0).random(30), [0] * 30)
    found = refitted(first, [30, 0, 0], np.full(29, 7.0), [0] * 9 + [1] * 20)
    assert float(found.mean_K[0]) == float(first.mean_K[0])
    assert float(found.deviation_K[0]) == float(first.deviation_K[0])
    assert float(found.mean_K[1]) == 7.0


def test_equal_frames_leave_a_deviation_above_zero():
    found = refitted(Uncertainty.empty(SLOTS, WIDTH), [0, 0, 0], np.zeros(20), [0] * 20)
    assert (found.deviation_K > 0).all()


def test_the_threshold_follows_by_the_papers_recursion(fitted):
    uncertainty, draw = fitted.uncertainty, np.random.default_rng(3)
    threshold, recent = float(uncertainty.threshold_K[2]), float(uncertainty.recent_K[2])
    for _ in range(5):
        dispersion = draw.random(8)
        uncertainty = uncertainty.followed(torch.from_numpy(dispersion), torch.full((8,), 2), rate=0.1)
        threshold += 0.1 * (recent - dispersion.mean())
        recent = dispersion.mean()
        assert float(uncertainty.threshold_K[2]) == pytest.approx(threshold)
        assert float(uncertainty.recent_K[2]) == pytest.approx(recent)


def test_following_moves_only_clusters_that_had_frames_and_returns_a_new_state(fitted):
    before = fitted.uncertainty
    thresholds = before.threshold_K.clone()
    after = before.followed(torch.tensor([9.0, 9.0], dtype=torch.float64), torch.tensor([2, 2]), rate=0.1)
    assert torch.equal(before.threshold_K, thresholds)
    assert torch.equal(after.threshold_K[[0, 1, 3]], thresholds[[0, 1, 3]])
    assert after.threshold_K[2] < thresholds[2]


def test_a_threshold_never_becomes_zero_or_less():
    before = Uncertainty.empty(2, 3)
    after = before.followed(torch.tensor([1e6], dtype=torch.float64), torch.tensor([0]), rate=1.0)
    assert float(after.threshold_K[0]) > 0
