import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde

from learner.uncertainty import Uncertainty, density_mode, fit_uncertainty

LIVE_K = torch.tensor([True, False, True, True])


def samples(seed=0, count=90, dimensions=3):
    draw = np.random.default_rng(seed)
    slots = draw.choice([0, 2], count)
    return draw.normal(size=(count, dimensions)) + slots[:, None], slots


def fitted(seed=0):
    points, slots = samples(seed)
    return fit_uncertainty(torch.from_numpy(points), torch.from_numpy(slots), LIVE_K), points, slots


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_mode_is_where_scipys_kernel_density_is_highest(seed):
    points = np.random.default_rng(seed).normal(size=(70, 3))
    white = (points - points.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T))).T
    density = gaussian_kde(white.T)
    expected = white[np.argmax(density(white.T))]
    np.testing.assert_array_equal(density_mode(torch.from_numpy(white)).numpy(), expected)


@pytest.mark.parametrize("slot", [0, 2])
def test_mean_deviation_and_threshold_are_those_of_the_clusters_dispersion(slot):
    uncertainty, points, slots = fitted()
    mode = uncertainty.modes_KD[slot].numpy()
    dispersions = []
    for point in points[slots == slot]:
        total = 0.0
        for value, centre in zip(point, mode, strict=True):
            total += (value - centre) ** 2
        dispersions.append(total / len(point))
    assert float(uncertainty.mean_K[slot]) == pytest.approx(np.mean(dispersions))
    assert float(uncertainty.deviation_K[slot]) == pytest.approx(np.std(dispersions))
    assert float(uncertainty.threshold_K[slot]) == pytest.approx(np.mean(dispersions) + np.std(dispersions))
    assert float(uncertainty.recent_K[slot]) == pytest.approx(np.mean(dispersions))


def test_dispersion_excess_and_uncertain_are_measured_by_the_samples_own_cluster():
    uncertainty, points, slots = fitted()
    whitened, slots_N = torch.from_numpy(points), torch.from_numpy(slots)
    dispersion = uncertainty.dispersion(whitened, slots_N)
    for i in (0, 7, 31):
        k = slots[i]
        expected = np.mean((points[i] - uncertainty.modes_KD[k].numpy()) ** 2)
        assert float(dispersion[i]) == pytest.approx(expected)
        excess = (expected - float(uncertainty.mean_K[k])) / float(uncertainty.deviation_K[k])
        assert float(uncertainty.excess(dispersion, slots_N)[i]) == pytest.approx(excess)
        assert bool(uncertainty.uncertain(dispersion, slots_N)[i]) == (excess > 1)


def test_a_cluster_of_too_few_samples_borrows_the_pooled_figures():
    points, slots = samples()
    uncertainty = fit_uncertainty(torch.from_numpy(points), torch.from_numpy(slots), LIVE_K)
    pooled = torch.cat([uncertainty.dispersion(torch.from_numpy(points[slots == k]), torch.tensor(k)) for k in (0, 2)])
    assert float(uncertainty.mean_K[3]) == pytest.approx(float(pooled.mean()))
    assert float(uncertainty.deviation_K[3]) == pytest.approx(float(pooled.std(correction=0)))


def test_the_threshold_follows_by_the_papers_recursion():
    uncertainty, _, _ = fitted()
    draw = np.random.default_rng(3)
    threshold, recent = float(uncertainty.threshold_K[2]), float(uncertainty.recent_K[2])
    for _ in range(5):
        dispersion = draw.random(8)
        uncertainty = uncertainty.followed(torch.from_numpy(dispersion), torch.full((8,), 2), rate=0.1)
        threshold += 0.1 * (recent - dispersion.mean())
        recent = dispersion.mean()
        assert float(uncertainty.threshold_K[2]) == pytest.approx(threshold)
        assert float(uncertainty.recent_K[2]) == pytest.approx(recent)


def test_following_moves_only_clusters_that_had_frames_and_returns_a_new_state():
    before, _, _ = fitted()
    thresholds = before.threshold_K.clone()
    after = before.followed(torch.tensor([9.0, 9.0], dtype=torch.float64), torch.tensor([2, 2]), rate=0.5)
    assert torch.equal(before.threshold_K, thresholds)
    assert torch.equal(after.threshold_K[[0, 1, 3]], thresholds[[0, 1, 3]])
    assert after.threshold_K[2] < thresholds[2]


def test_a_threshold_never_becomes_zero_or_less():
    before = Uncertainty.empty(2, 3)
    after = before.followed(torch.tensor([1e6], dtype=torch.float64), torch.tensor([0]), rate=1.0)
    assert float(after.threshold_K[0]) > 0
