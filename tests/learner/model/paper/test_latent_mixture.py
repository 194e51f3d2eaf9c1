"""Stage A's mixture against scikit-learn on seeded data; tolerances are 1e-9 relative, float64 on both sides."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from learner.model.paper.latent_mixture import LatentMixture, cluster_means, far_means, fit_mixture
from learner.settings import PaperSettings

KINDS = ("full", "tied", "diag", "spherical")
FLOOR = 0.1  # of the latents' mean variance


def blobs(seed=0, clusters=3, each=60, width=5):
    draw = np.random.default_rng(seed)
    centres = 4 * draw.normal(size=(clusters, width))
    shapes = draw.normal(size=(clusters, width, width))
    return np.concatenate([c + draw.normal(size=(each, width)) @ a for c, a in zip(centres, shapes, strict=True)])


def reference(points, kind, components=3, seed=0):
    floor = FLOOR * points.var(0).mean()
    return GaussianMixture(components, covariance_type=kind, reg_covar=floor, random_state=seed).fit(points)


def fitted(points, kind, components=3, seed=0):
    settings = PaperSettings(covariance=kind)
    return fit_mixture(torch.from_numpy(points), components, settings, seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_posteriors_densities_and_clusters_are_sklearns(kind, seed):
    points = blobs(seed)
    theirs, ours = reference(points, kind), fitted(points, kind)
    unseen = blobs(seed + 10)
    rows = torch.from_numpy(unseen)
    np.testing.assert_allclose(ours.log_density(rows).numpy(), theirs.score_samples(unseen), rtol=1e-9)
    np.testing.assert_allclose(ours.posteriors(rows).numpy(), theirs.predict_proba(unseen), rtol=1e-7, atol=1e-12)
    np.testing.assert_array_equal(ours.assign(rows).numpy(), theirs.predict(unseen))
    assert float(ours.log_density(rows).mean()) == pytest.approx(theirs.score(unseen), rel=1e-9)


def test_the_density_is_the_weighted_sum_of_normal_densities_and_the_posterior_a_share_of_it():
    points = blobs()
    mixture = fitted(points, "full")
    rows = torch.from_numpy(points[:7])
    joint = np.zeros((7, 3))
    for i in range(7):
        for k in range(3):
            precision = mixture.factors[k].numpy() @ mixture.factors[k].numpy().T
            gap = points[i] - mixture.means_KL[k].numpy()
            normal = np.sqrt(np.linalg.det(precision / (2 * np.pi))) * np.exp(-0.5 * gap @ precision @ gap)
            joint[i, k] = float(mixture.weights_K[k]) * normal
    np.testing.assert_allclose(mixture.log_density(rows).exp().numpy(), joint.sum(1), rtol=1e-9)
    expected = joint / joint.sum(1, keepdims=True)
    np.testing.assert_allclose(mixture.posteriors(rows).numpy(), expected, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_latents_are_drawn_from_the_named_components(kind):
    points = blobs(width=3)
    mixture = fitted(points, kind)
    components = torch.tensor([0, 2]).repeat_interleave(6000)
    drawn = mixture.draw(components, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, mixture.draw(components, torch.Generator().manual_seed(1)))
    covariances = reference(points, kind).covariances_
    whole = {"full": lambda c: c[2], "tied": lambda c: c, "diag": lambda c: np.diag(c[2])}
    expected = whole.get(kind, lambda c: c[2] * np.eye(3))(covariances)
    spread = float(np.max(np.diag(expected)))
    np.testing.assert_allclose(drawn[6000:].mean(0), mixture.means_KL[2], atol=0.06 * spread**0.5)
    np.testing.assert_allclose(torch.cov(drawn[6000:].T), expected, atol=0.1 * spread)


@pytest.mark.parametrize("kind", KINDS)
def test_reordering_moves_components_with_their_clusters(kind):
    points = blobs()
    mixture = fitted(points, kind)
    moved = mixture.reordered(torch.tensor([2, 0, 1]), torch.tensor([7, 8, 9]), 10)
    rows = torch.from_numpy(points)
    torch.testing.assert_close(moved.posteriors(rows), mixture.posteriors(rows)[:, [2, 0, 1]])
    assert (moved.ids_K.tolist(), moved.next_id) == ([7, 8, 9], 10)


def test_more_dimensions_than_samples_still_give_a_finite_mixture():
    points = np.random.default_rng(0).normal(size=(20, 64))
    for kind in KINDS:
        assert torch.isfinite(fitted(points, kind, components=2).posteriors(torch.from_numpy(points))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_mixture_has_no_clusters_and_keeps_its_shape(kind):
    mixture = LatentMixture.empty(kind, 4)
    assert (mixture.live_clusters, mixture.next_id, mixture.means_KL.shape) == (0, 0, (0, 4))
    assert mixture.factors.ndim == fitted(blobs(), kind).factors.ndim


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_from_given_means_is_sklearns_from_the_same_means(kind):
    points = blobs()
    start = points[[3, 70, 130]]
    settings = PaperSettings(covariance=kind)
    ours = fit_mixture(torch.from_numpy(points), 3, settings, 0, torch.from_numpy(start))
    floor = FLOOR * points.var(0).mean()
    theirs = GaussianMixture(3, covariance_type=kind, reg_covar=floor, means_init=start, random_state=0).fit(points)
    np.testing.assert_allclose(ours.means_KL.numpy(), theirs.means_, rtol=1e-9)


def test_a_clusters_mean_is_that_of_its_latents():
    latents = torch.tensor([[0.0, 2.0], [4.0, 0.0], [2.0, 4.0]])
    assert cluster_means(latents, torch.tensor([0, 1, 0]), 2).tolist() == [[1.0, 3.0], [4.0, 0.0]]


def test_new_components_begin_far_from_the_known_ones():
    draw = torch.Generator().manual_seed(0)
    near, far = torch.randn(40, 3, generator=draw), 50 + torch.randn(40, 3, generator=draw)
    centres = far_means(torch.cat([near, far]), torch.zeros(1, 3, dtype=torch.float64), 2, 0)
    assert centres.shape == (2, 3)
    assert float(centres.min()) > 40
    assert len(far_means(near, torch.zeros(1, 3, dtype=torch.float64), 0, 0)) == 0
