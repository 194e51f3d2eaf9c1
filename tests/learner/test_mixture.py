from dataclasses import replace

import pytest
import torch
from sklearn.mixture import GaussianMixture

from learner.mixture import TiedMixture, fit, squared_distances


def blobs(clusters=3, each=80, dimensions=4, seed=0):
    """Return points of overlapping Gaussians with one covariance, and the centres they were drawn around."""
    draw = torch.Generator().manual_seed(seed)
    centres = 4 * torch.randn(clusters, dimensions, dtype=torch.float64, generator=draw)
    shape = torch.randn(dimensions, dimensions, dtype=torch.float64, generator=draw)
    noise = torch.randn(clusters * each, dimensions, dtype=torch.float64, generator=draw)
    return centres.repeat_interleave(each, 0) + noise @ shape, centres


def unknown(points):
    return torch.full((len(points),), -1)


def started_at(centres, slots=8):
    return TiedMixture.empty(slots, centres.shape[1]).born(centres)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_fit_agrees_with_sklearns_tied_mixture(seed):
    points, centres = blobs(seed=seed)
    fitted = fit(started_at(centres), points, unknown(points))
    reference = GaussianMixture(3, covariance_type="tied", means_init=centres.numpy(), tol=1e-9, max_iter=500)
    reference.fit(points.numpy())
    spread = float(torch.from_numpy(reference.covariances_).diagonal().mean()) ** 0.5
    torch.testing.assert_close(fitted.means_KD[:3], torch.from_numpy(reference.means_), atol=0.02 * spread, rtol=0)
    torch.testing.assert_close(
        fitted.covariance_DD, torch.from_numpy(reference.covariances_), atol=0.02 * spread**2, rtol=0
    )


def test_probabilities_are_the_posteriors_under_equal_weights():
    points, centres = blobs()
    mixture = fit(started_at(centres), points, unknown(points))
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


def test_a_sample_of_known_slot_counts_for_that_slot_alone():
    points, centres = blobs(clusters=2, each=40)
    swapped = torch.cat([torch.ones(40), torch.zeros(40)]).long()
    fitted = fit(started_at(centres), points, swapped)
    torch.testing.assert_close(fitted.means_KD[0], points[40:].mean(0))
    torch.testing.assert_close(fitted.means_KD[1], points[:40].mean(0))


def test_known_slots_are_slots_also_where_slots_have_gaps():
    points, centres = blobs(clusters=2, each=40)
    start = started_at(centres)
    ids = torch.full((8,), -1)
    ids[[2, 5]] = torch.tensor([7, 3])
    means = torch.zeros_like(start.means_KD)
    means[[2, 5]] = centres
    known = torch.tensor([2, 5]).repeat_interleave(40)
    fitted = fit(TiedMixture(means, ids, start.covariance_DD, 9), points, known)
    torch.testing.assert_close(fitted.means_KD[5], points[40:].mean(0))
    assert torch.equal(fitted.ids_K, ids)
    assert fitted.next_id == 9
    assert set(fitted.probabilities(points).argmax(1).tolist()) == {2, 5}


def test_a_component_without_samples_stays_where_it_was():
    points, centres = blobs(clusters=2, each=40)
    far = torch.full((1, 4), 500.0, dtype=torch.float64)
    fitted = fit(started_at(torch.cat([centres, far])), points, unknown(points))
    torch.testing.assert_close(fitted.means_KD[2], far[0])


def test_births_take_the_first_free_slots_and_ids_never_come_back():
    _, centres = blobs()
    mixture = started_at(centres, slots=6)
    assert mixture.ids_K.tolist() == [0, 1, 2, -1, -1, -1]
    dead = mixture.ids_K.clone()
    dead[1] = -1
    born = replace(mixture, ids_K=dead).born(centres[:2] + 1)
    assert born.ids_K.tolist() == [0, 3, 2, 4, -1, -1]
    torch.testing.assert_close(born.means_KD[1], centres[0] + 1)
    assert (born.live_clusters, born.next_id) == (4, 5)


def test_births_without_a_free_slot_are_left_out():
    _, centres = blobs()
    full = started_at(centres, slots=4).born(centres)
    assert full.ids_K.tolist() == [0, 1, 2, 3]
    again = full.born(centres)
    assert torch.equal(again.ids_K, full.ids_K)
    assert torch.equal(again.means_KD, full.means_KD)
    assert again.next_id == 4


def test_a_birth_leaves_the_mixture_it_came_from_unchanged():
    _, centres = blobs()
    mixture = started_at(centres)
    mixture.born(centres)
    assert mixture.live_clusters == 3


def test_draws_follow_the_seed_and_the_components():
    points, centres = blobs()
    mixture = fit(started_at(centres), points, unknown(points))
    slots = torch.tensor([0, 2]).repeat_interleave(4000)
    drawn = mixture.sample(slots, 1.0, torch.Generator().manual_seed(5))
    assert torch.equal(drawn, mixture.sample(slots, 1.0, torch.Generator().manual_seed(5)))
    spread = float(mixture.covariance_DD.diagonal().max())
    torch.testing.assert_close(drawn[4000:].mean(0), mixture.means_KD[2], atol=0.1 * spread**0.5, rtol=0)
    torch.testing.assert_close(torch.cov(drawn[:4000].T), mixture.covariance_DD, atol=0.15 * spread, rtol=0)


def test_temperature_zero_draws_the_means():
    points, centres = blobs()
    mixture = fit(started_at(centres), points, unknown(points))
    drawn = mixture.sample(torch.tensor([1, 0]), 0.0, torch.Generator().manual_seed(5))
    torch.testing.assert_close(drawn, mixture.means_KD[[1, 0]])


def test_whitened_points_have_the_identity_as_covariance():
    points, _ = blobs(clusters=1, each=500)
    mixture = replace(TiedMixture.empty(2, 4), covariance_DD=torch.cov(points.T))
    torch.testing.assert_close(torch.cov(mixture.whiten(points).T), torch.eye(4, dtype=torch.float64))


def test_points_in_fewer_dimensions_than_they_have_do_not_break_the_fit():
    points, centres = blobs()
    points[:, 3] = centres[:, 3] = 0.0
    fitted = fit(started_at(centres), points, unknown(points))
    assert torch.isfinite(fitted.probabilities(points)).all()


def test_small_distances_far_from_the_origin_keep_their_digits():
    points = torch.tensor([[1e8, 0.0], [1e8 + 1e-3, 0.0]], dtype=torch.float64)
    assert float(squared_distances(points, points)[0, 1]) == pytest.approx(1e-6, rel=1e-4)
