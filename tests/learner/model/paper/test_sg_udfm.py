"""Stage B against scipy, scikit-learn and plain loops on seeded data; tolerances are 1e-9 relative unless stated."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity

from learner.model.paper import sg_udfm

SEEDS = [0, 1, 2]


def cluster(seed, count=70, width=4):
    draw = np.random.default_rng(seed)
    return draw.normal(size=(count, width)) @ draw.normal(size=(width, width)) + draw.normal(size=width)


def whitened(points):
    centred = points - points.mean(0)
    return centred @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T))).T


def highest_by_loops(points):
    """Return the member with the highest sum of kernels, by Scott's rule on the cluster's covariance."""
    count, width = points.shape
    inverse = np.linalg.inv(np.cov(points.T) * count ** (-2 / (width + 4)))
    density = []
    for here in points:
        total = 0.0
        for there in points:
            total += np.exp(-0.5 * (here - there) @ inverse @ (here - there))
        density.append(total)
    return int(np.argmax(density))


@pytest.mark.parametrize("seed", SEEDS)
def test_z_max_is_where_scipys_sklearns_and_a_loops_kernel_density_are_highest(seed):
    points = cluster(seed)
    found = sg_udfm.density_mode(torch.from_numpy(points))
    count, width = points.shape
    white = whitened(points)
    theirs = KernelDensity(bandwidth=count ** (-1 / (width + 4))).fit(white).score_samples(white)
    assert found == int(np.argmax(gaussian_kde(points.T)(points.T)))
    assert found == int(np.argmax(theirs))
    assert found == highest_by_loops(points)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cluster_of_fewer_samples_than_dimensions_is_projected_first(seed):
    points = cluster(seed, count=40, width=60)
    projected = PCA(10, svd_solver="full").fit_transform(points)
    expected = int(np.argmax(gaussian_kde(projected.T)(projected.T)))
    assert sg_udfm.density_mode(torch.from_numpy(points)) == expected


def test_dimensions_in_which_a_cluster_does_not_vary_change_nothing():
    points = cluster(0)
    dead = np.concatenate([points, np.zeros((len(points), 1)), points[:, :1] * 2], axis=1)
    assert sg_udfm.density_mode(torch.from_numpy(dead)) == highest_by_loops(points)


@pytest.mark.parametrize("members", [torch.zeros(1, 4), torch.randn(2, 4), torch.ones(9, 4)])
def test_a_cluster_too_small_or_all_alike_has_its_first_member_as_z_max(members):
    assert sg_udfm.density_mode(members) == 0


def test_a_cluster_without_members_is_refused():
    with pytest.raises(ValueError, match="no z_max"):
        sg_udfm.density_mode(torch.zeros(0, 4))


def test_the_density_looks_at_a_bounded_number_of_members(monkeypatch):
    seen = []
    monkeypatch.setattr(sg_udfm, "gaussian_kde", lambda rows: seen.append(rows.shape[1]) or gaussian_kde(rows))
    for count in (40, 600, 4000):
        points = torch.from_numpy(cluster(0, count=count))
        assert 0 <= sg_udfm.density_mode(points) < count
    assert seen == [40, 512, 512]


@pytest.mark.parametrize("seed", SEEDS)
def test_dispersion_statistics_and_threshold_are_those_of_plain_loops(seed):
    points = cluster(seed)
    mode = sg_udfm.density_mode(torch.from_numpy(points))
    expected = []
    for point in points:
        total = 0.0
        for value, centre in zip(point, points[mode], strict=True):
            total += (value - centre) ** 2
        expected.append(total / len(point))
    mean = sum(expected) / len(expected)
    deviation = (sum((d - mean) ** 2 for d in expected) / len(expected)) ** 0.5
    found = sg_udfm.dispersion(torch.from_numpy(points), torch.from_numpy(points[mode]))
    mu, sigma = sg_udfm.dispersion_statistics(found)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert (float(mu), float(sigma)) == (pytest.approx(mean, rel=1e-9), pytest.approx(deviation, rel=1e-9))
    assert float(sg_udfm.first_threshold(mu, sigma)) == pytest.approx(mean + deviation, rel=1e-9)
    flagged = sg_udfm.is_uncertain(found, sg_udfm.first_threshold(mu, sigma))
    assert flagged.tolist() == [d > mean + deviation for d in expected]


def test_the_threshold_follows_by_the_recursion():
    draw = np.random.default_rng(3)
    means = draw.random(8)
    threshold, expected = torch.tensor(2.0, dtype=torch.float64), 2.0
    for before, now in pairwise(means):
        threshold = sg_udfm.next_threshold(threshold, torch.tensor(before), torch.tensor(now), 0.3)
        expected += 0.3 * (before - now)
        assert float(threshold) == pytest.approx(expected, rel=1e-9)


def test_a_threshold_never_becomes_zero_or_less():
    fallen = sg_udfm.next_threshold(torch.tensor(1.0), torch.tensor(0.0), torch.tensor(100.0), 1.0)
    assert float(fallen) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_nearest_to_z_max_are_handed_on_without_z_max(seed):
    points = cluster(seed, count=12)
    mode = 4
    squares = []
    for i, point in enumerate(points):
        if i != mode:
            squares.append((sum((a - b) ** 2 for a, b in zip(point, points[mode], strict=True)), i))
    expected = [i for _, i in sorted(squares)]
    members = torch.from_numpy(points)
    assert sg_udfm.nearest_to_mode(members, mode, 5).tolist() == expected[:5]
    assert sg_udfm.nearest_to_mode(members, mode, 50).tolist() == expected
    assert sg_udfm.nearest_to_mode(members[:1], 0, 5).tolist() == []


def fitted(each=(40, 2, 0), width=6):
    """Return the feedback of three clusters, the second too small for figures of its own, the third empty."""
    clusters = torch.cat([torch.full((count,), k) for k, count in enumerate(each)])
    points = torch.randn(len(clusters), width, generator=torch.Generator().manual_seed(0)) + clusters[:, None]
    return sg_udfm.fit_feedback(points, clusters, len(each)), points, clusters


def test_each_cluster_has_its_own_figures_and_a_small_one_the_pooled():
    feedback, points, clusters = fitted()
    mode = points[sg_udfm.density_mode(points[:40])].double()
    own = (points[:40].double() - mode).square().mean(1)
    pooled = sg_udfm.dispersion(points, feedback.modes_KL[clusters])
    torch.testing.assert_close(feedback.modes_KL[0], mode)
    torch.testing.assert_close(feedback.mean_K, torch.stack([own.mean(), pooled.mean(), pooled.mean()]))
    torch.testing.assert_close(feedback.threshold_K, feedback.mean_K + feedback.deviation_K)
    torch.testing.assert_close(feedback.recent_K, feedback.mean_K)


def test_a_micro_task_moves_only_the_thresholds_of_clusters_it_had_frames_of():
    feedback, points, clusters = fitted()
    dispersion = feedback.dispersion(points[:3], clusters[:3])
    after = feedback.followed(dispersion, clusters[:3], 0.5)
    expected = feedback.threshold_K[0] + 0.5 * (feedback.recent_K[0] - dispersion.mean())
    torch.testing.assert_close(after.threshold_K[0], expected)
    torch.testing.assert_close(after.recent_K[0], dispersion.mean())
    assert torch.equal(after.threshold_K[1:], feedback.threshold_K[1:])
    assert torch.equal(after.recent_K[1:], feedback.recent_K[1:])


def test_excess_and_uncertain_are_measured_by_the_samples_own_cluster():
    feedback, points, clusters = fitted()
    dispersion = feedback.dispersion(points, clusters)
    for i in (0, 17, 41):
        k = int(clusters[i])
        mu, sigma = float(feedback.mean_K[k]), float(feedback.deviation_K[k])
        assert float(feedback.excess(dispersion, clusters)[i]) == pytest.approx((float(dispersion[i]) - mu) / sigma)
        assert bool(feedback.uncertain(dispersion, clusters)[i]) == (float(dispersion[i]) > mu + sigma)
