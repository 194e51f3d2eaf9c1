from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.mixture import GaussianMixture

from learner.model.clusters.mixture import TiedMixture, fit, squared_distances


def blobs(clusters=3, each=80, dimensions=4, seed=0):
    """Return points of overlapping Gaussians with one covariance, and the centres they were drawn around."""
    draw = torch.Generator().manual_seed(seed)
    centres = 4 * torch.randn(clusters, dimensions, dtype=torch.float64, generator=draw)
    shape = torch.randn(dimensions, dimensions, dtype=torch.float64, generator=draw)
    noise = torch.randn(clusters * each, dimensions, dtype=torch.float64, generator=draw)
    return centres.repeat_interleave(each, 0) + noise @ shape, centres


def started_at(centres, slots=8):
    return TiedMixture.empty(slots, centres.shape[1]).with_added(centres)


def of_each(clusters, each=80):
    """Return the slot of each point of `blobs`."""
    return torch.arange(clusters).repeat_interleave(each)


def shrunk(covariance, frames):
    """Return numpy's covariance as if as many frames as dimensions had shown a sphere, and a floor of a millionth."""
    size = len(covariance)
    sphere = np.trace(covariance) / size * np.eye(size)
    return frames / (frames + size) * covariance + (size / (frames + size) + 1e-6) * sphere


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_from_nothing_means_and_covariance_are_those_of_numpy_where_groups_are_apart(seed):
    points, centres = blobs(seed=seed)
    points, centres = points + 50 * of_each(3)[:, None], centres + 50 * torch.arange(3)[:, None]
    fitted = fit(started_at(centres), points, of_each(3))
    groups = np.split(points.numpy(), 3)
    np.testing.assert_allclose(fitted.means_KD[:3], [group.mean(0) for group in groups], rtol=1e-9)
    pooled = sum((group - group.mean(0)).T @ (group - group.mean(0)) for group in groups) / len(points)
    np.testing.assert_allclose(fitted.covariance_DD, shrunk(pooled, len(points)), rtol=1e-6)
    assert fitted.counts_K.tolist() == pytest.approx([80] * 3 + [0] * 5)
    assert fitted.frames == 240


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_from_nothing_the_fit_agrees_with_sklearns_tied_mixture_of_equal_weights(seed):
    points, centres = blobs(each=400, seed=seed)
    fitted = fit(started_at(centres), points, of_each(3, 400))
    reference = GaussianMixture(3, covariance_type="tied", means_init=centres.numpy(), tol=1e-9, max_iter=500)
    reference.fit(points.numpy())
    spread = float(torch.from_numpy(reference.covariances_).diagonal().mean()) ** 0.5
    np.testing.assert_allclose(fitted.means_KD[:3], reference.means_, atol=0.03 * spread)
    np.testing.assert_allclose(fitted.covariance_DD, shrunk(reference.covariances_, 1200), atol=0.03 * spread**2)


def test_a_mean_moves_by_the_share_of_new_frames_among_all_behind_it():
    points, centres = blobs(clusters=2, each=40)
    points, centres = points + 50 * of_each(2, 40)[:, None], centres + 50 * torch.arange(2)[:, None]
    behind = torch.tensor([30.0, 60.0, *[0.0] * 6], dtype=torch.float64)
    start = replace(started_at(centres), counts_K=behind, frames=90.0)
    fitted = fit(start, points, of_each(2, 40))
    for slot in (0, 1):
        expected = centres[slot].numpy().copy()
        for number, point in enumerate(points[40 * slot : 40 * slot + 40].numpy(), start=int(behind[slot]) + 1):
            expected += (point - expected) / number
        np.testing.assert_allclose(fitted.means_KD[slot], expected, rtol=1e-9)
    assert fitted.counts_K[:2].tolist() == pytest.approx([70, 100])


def test_the_covariance_is_that_of_old_and_new_frames_together():
    points, centres = blobs(clusters=1, each=60)
    old = torch.diag(torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64))
    start = replace(started_at(centres), covariance_DD=old, frames=140.0)
    fitted = fit(start, points, of_each(1, 60))
    scatter = np.cov(points.numpy().T, bias=True) * 60
    np.testing.assert_allclose(fitted.covariance_DD, shrunk((140 * old.numpy() + scatter) / 200, 200), rtol=1e-6)


def test_what_stands_behind_means_and_covariance_is_capped_so_that_the_world_may_change():
    points, centres = blobs(clusters=2, each=400)
    points, centres = points + 50 * of_each(2, 400)[:, None], centres + 50 * torch.arange(2)[:, None]
    mixture = started_at(centres)
    for _ in range(4):
        mixture = fit(mixture, points, of_each(2, 400))
    assert mixture.counts_K[:2].tolist() == [100, 100]
    assert mixture.frames == 2000


def test_probabilities_are_the_posteriors_under_equal_weights():
    points, centres = blobs()
    mixture = fit(started_at(centres), points, of_each(3))
    densities = torch.stack(
        [
            torch.distributions.MultivariateNormal(mean, mixture.covariance_DD).log_prob(points).exp()
            for mean in mixture.means_KD[:3]
        ],
        dim=1,
    )
    found = mixture.probabilities(points)
    torch.testing.assert_close(found[:, :3], densities / densities.sum(1, keepdim=True))
    assert found[:, 3:].abs().max() == 0


def test_slots_may_have_gaps():
    points, centres = blobs(clusters=2, each=40)
    points, centres = points + 50 * of_each(2, 40)[:, None], centres + 50 * torch.arange(2)[:, None]
    start = started_at(centres)
    ids = torch.full((8,), -1)
    ids[[2, 5]] = torch.tensor([7, 3])
    means = torch.zeros_like(start.means_KD)
    means[[2, 5]] = centres
    fitted = fit(replace(start, means_KD=means, ids_K=ids, next_id=9), points, torch.tensor([2, 5])[of_each(2, 40)])
    torch.testing.assert_close(fitted.means_KD[5], points[40:].mean(0))
    assert torch.equal(fitted.ids_K, ids)
    assert fitted.next_id == 9
    assert set(fitted.probabilities(points).argmax(1).tolist()) == {2, 5}


def test_frames_that_begin_at_the_wrong_cluster_find_the_right_one():
    points, centres = blobs(clusters=2, each=40)
    start = replace(started_at(centres), counts_K=torch.tensor([100.0] * 2 + [0.0] * 6, dtype=torch.float64))
    wrong = of_each(2, 40)
    wrong[:10] = 1
    fitted, right = fit(start, points, wrong), fit(start, points, of_each(2, 40))
    torch.testing.assert_close(fitted.means_KD, right.means_KD, atol=0.02, rtol=0)


def test_separations_are_scipys_mahalanobis_distances():
    points, centres = blobs()
    mixture = fit(started_at(centres, slots=5), points, of_each(3)).without(1)
    inverse = np.linalg.inv(mixture.covariance_DD.numpy())
    apart = mixture.separations()
    expected = mahalanobis(mixture.means_KD[0], mixture.means_KD[2], inverse)
    assert float(apart[0, 2]) == float(apart[2, 0]) == pytest.approx(expected)
    assert int(torch.isfinite(apart).sum()) == 2, "only live clusters are apart, and none from itself"


def test_a_component_without_samples_stays_where_it_was():
    points, centres = blobs(clusters=2, each=40)
    far = torch.full((1, 4), 500.0, dtype=torch.float64)
    fitted = fit(started_at(torch.cat([centres, far])), points, of_each(2, 40))
    torch.testing.assert_close(fitted.means_KD[2], far[0])


def fitted_pair():
    """Return a mixture of two components in two dimensions, far apart, in eight slots."""
    return started_at(torch.tensor([[0.0, 0.0], [20.0, 20.0]], dtype=torch.float64))


def test_means_follow_samples_as_if_few_frames_stood_behind_them():
    mixture = fitted_pair()
    mixture = replace(mixture, counts_K=100.0 * mixture.live_K.double(), frames=2000.0)
    own = torch.nonzero(mixture.live_K).flatten()
    step = torch.tensor([0.3, 0.0], dtype=torch.float64)
    slots = own.repeat_interleave(30)
    followed = mixture.followed(mixture.means_KD[slots] + step, slots, behind=10.0)
    moved = followed.means_KD - mixture.means_KD
    torch.testing.assert_close(moved[own], (30 / 40 * step).expand(2, -1), rtol=1e-3, atol=1e-6)
    assert not moved[~mixture.live_K].any()
    assert torch.equal(followed.ids_K, mixture.ids_K)
    assert torch.equal(followed.counts_K, mixture.counts_K), "what is learned of an update weighs as before"
    assert followed.frames == 2000.0


def test_many_steps_of_a_calm_world_leave_the_covariance_as_wide_as_it_is():
    mixture = replace(fitted_pair(), counts_K=50.0 * fitted_pair().live_K.double(), frames=2000.0)
    own = torch.nonzero(mixture.live_K).flatten()
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        slots = own.repeat_interleave(32)
        mixture = mixture.followed(mixture.sample(slots, generator), slots, behind=20.0)
    assert 0.7 < float(mixture.covariance_DD.trace()) / 2 < 1.4


def test_nothing_moves_where_too_little_of_the_world_is_seen():
    mixture = fitted_pair()
    slot = torch.nonzero(mixture.live_K).flatten()[:1]
    samples = mixture.means_KD[slot] + 1.0
    assert mixture.followed(samples[:0], slot[:0], 10.0) is mixture
    three = mixture.with_added(torch.full((1, 2), 50.0, dtype=torch.float64))
    assert three.followed(samples, slot, 10.0) is three


def test_a_sample_stays_where_it_is_allowed_however_far_that_is():
    start = fitted_pair()
    points = torch.tensor([[0.0, 0.0], [20.0, 20.0], [19.0, 19.0]], dtype=torch.float64)
    allowed = torch.ones(3, len(start.means_KD), dtype=torch.bool)
    allowed[2, 1] = False
    free, bound = fit(start, points, torch.tensor([0, 1, 1])), fit(start, points, torch.tensor([0, 1, 0]), allowed)
    assert [round(count) for count in free.counts_K[:2].tolist()] == [1, 2]
    assert [round(count) for count in bound.counts_K[:2].tolist()] == [2, 1]


def test_new_components_take_the_first_free_slots_and_ids_never_come_back():
    _, centres = blobs()
    mixture = started_at(centres, slots=6)
    assert mixture.ids_K.tolist() == [0, 1, 2, -1, -1, -1]
    dead = mixture.ids_K.clone()
    dead[1] = -1
    added = replace(mixture, ids_K=dead).with_added(centres[:2] + 1)
    assert added.ids_K.tolist() == [0, 3, 2, 4, -1, -1]
    torch.testing.assert_close(added.means_KD[1], centres[0] + 1)
    assert (added.live_clusters, added.next_id) == (4, 5)


def test_a_new_component_has_no_frames_behind_it_also_in_a_slot_that_had():
    _, centres = blobs()
    heavy = replace(started_at(centres), counts_K=torch.full((8,), 50.0, dtype=torch.float64))
    assert heavy.without(1).with_added(centres[:1]).counts_K.tolist() == [50.0, 0.0, *[50.0] * 6]


def test_without_a_component_its_slot_is_free_and_its_id_does_not_come_back():
    _, centres = blobs()
    mixture = started_at(centres, slots=4)
    less = mixture.without(1)
    assert less.ids_K.tolist() == [0, -1, 2, -1]
    assert less.means_KD[1].abs().max() == 0
    assert (less.live_clusters, less.next_id, mixture.live_clusters) == (2, 3, 3)
    assert less.with_added(centres).ids_K.tolist() == [0, 3, 2, 4]


def test_new_components_without_a_free_slot_are_left_out():
    _, centres = blobs()
    full = started_at(centres, slots=4).with_added(centres)
    assert full.ids_K.tolist() == [0, 1, 2, 3]
    again = full.with_added(centres)
    assert torch.equal(again.ids_K, full.ids_K)
    assert torch.equal(again.means_KD, full.means_KD)
    assert again.next_id == 4


def test_adding_leaves_the_mixture_it_came_from_unchanged():
    _, centres = blobs()
    mixture = started_at(centres)
    mixture.with_added(centres)
    assert mixture.live_clusters == 3


def test_draws_follow_the_seed_and_the_components():
    points, centres = blobs()
    mixture = fit(started_at(centres), points, of_each(3))
    slots = torch.tensor([0, 2]).repeat_interleave(4000)
    drawn = mixture.sample(slots, torch.Generator().manual_seed(5))
    assert torch.equal(drawn, mixture.sample(slots, torch.Generator().manual_seed(5)))
    spread = float(mixture.covariance_DD.diagonal().max())
    torch.testing.assert_close(drawn[4000:].mean(0), mixture.means_KD[2], atol=0.1 * spread**0.5, rtol=0)
    torch.testing.assert_close(torch.cov(drawn[:4000].T), mixture.covariance_DD, atol=0.15 * spread, rtol=0)


def test_whitened_points_have_the_identity_as_covariance():
    points, _ = blobs(clusters=1, each=500)
    mixture = replace(TiedMixture.empty(2, 4), covariance_DD=torch.cov(points.T))
    torch.testing.assert_close(torch.cov(mixture.whiten(points).T), torch.eye(4, dtype=torch.float64))


def test_points_in_fewer_dimensions_than_they_have_do_not_break_the_fit():
    points, centres = blobs()
    points[:, 3] = centres[:, 3] = 0.0
    fitted = fit(started_at(centres), points, of_each(3))
    assert torch.isfinite(fitted.probabilities(points)).all()


def test_small_distances_far_from_the_origin_keep_their_digits():
    points = torch.tensor([[1e8, 0.0], [1e8 + 1e-3, 0.0]], dtype=torch.float64)
    assert float(squared_distances(points, points)[0, 1]) == pytest.approx(1e-6, rel=1e-4)
