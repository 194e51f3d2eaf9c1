import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from learner.model.clusters.grouping import Bounds, Neighbourhood

ANY = Bounds(fewest=1, most=8, frames=8, near=0.9)


def group(latents, bounds, seed):
    return Neighbourhood(latents, seed).group(bounds)


def silhouette(latents, labels):
    return Neighbourhood(latents, 0).silhouette(labels)


def blobs(groups, each=30, width=48, seed=0):
    """Return latents of spheres far apart, and the group of each."""
    draw = torch.Generator().manual_seed(seed)
    centres = 2.0 * torch.randn(groups, width, generator=draw)
    return centres.repeat_interleave(each, 0) + torch.randn(groups * each, width, generator=draw), of_each(groups, each)


def of_each(groups, each):
    return torch.arange(groups).repeat_interleave(each)


def agreement(found, true):
    """Return the share of frames that the best one-to-one map of groups gets right."""
    shared = np.zeros((int(found.max()) + 1, int(true.max()) + 1))
    np.add.at(shared, (found.numpy(), true.numpy()), 1)
    rows, columns = linear_sum_assignment(-shared)
    return shared[rows, columns].sum() / len(true)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("groups", [2, 3])
def test_it_finds_how_many_groups_there_are_and_which(groups, seed):
    latents, true = blobs(groups, seed=seed)
    found = group(latents, ANY, seed)
    assert found.count == groups
    assert agreement(found.labels_N, true) == 1.0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_frames_that_are_alike_are_one_group_with_nothing_to_set_it_apart(seed):
    found = group(blobs(1, 60, seed=seed)[0], ANY, seed)
    assert (found.count, found.silhouette) == (1, 0.0)
    assert found.labels_N.tolist() == [0] * 60


def test_a_ring_around_a_blob_is_a_group_though_their_means_are_one():
    draw = torch.Generator().manual_seed(0)
    angles = 2 * torch.pi * torch.arange(80) / 80
    ring = 10 * torch.stack([angles.cos(), angles.sin()], 1) + 0.1 * torch.randn(80, 2, generator=draw)
    latents = torch.cat([ring, torch.randn(40, 2, generator=draw)])
    found = group(latents, Bounds(2, 2, 8, 0.9), 0)
    assert agreement(found.labels_N, torch.tensor([0] * 80 + [1] * 40)) == 1.0


def test_no_more_groups_are_looked_for_than_asked():
    latents, _ = blobs(5)
    assert group(latents, Bounds(1, 3, 8, 1.0), 0).count <= 3
    assert group(latents, Bounds(1, 1, 8, 0.9), 0).count == 1


def test_as_many_groups_are_made_as_asked_also_where_nothing_sets_them_apart():
    alike, _ = blobs(1, 60)
    found = group(alike, Bounds(4, 4, 8, 0.9), 0)
    assert found.count == 4
    assert found.silhouette < 0.15


def test_groups_are_not_looked_for_beyond_the_frames_that_they_need():
    latents, _ = blobs(4, each=6)
    assert group(latents, Bounds(1, 8, 6, 0.9), 0).count == 4
    assert group(latents, Bounds(1, 8, 12, 1.0), 0).count <= 2


def test_more_groups_than_half_the_frames_are_never_made():
    assert group(blobs(1, 9)[0], Bounds(20, 20, 8, 0.9), 0).count <= 4
    for frames in (1, 2, 3):
        assert group(blobs(1, frames)[0], Bounds(2, 2, 8, 0.9), 0).count == 1


@pytest.mark.parametrize("near", [0.3, 0.9, 1.0])
def test_the_fewest_groups_that_are_nearly_as_distinct_are_taken(near):
    draw = torch.Generator().manual_seed(1)
    twins = torch.tensor([[0.0, 0.0], [6.0, 0.0], [60.0, 0.0], [66.0, 0.0]]).repeat_interleave(30, 0)
    latents = twins + torch.randn(120, 2, generator=draw)
    distinct = {count: group(latents, Bounds(count, count, 8, 1.0), 0).silhouette for count in range(2, 7)}
    nearly = [count for count, silhouette in distinct.items() if silhouette >= near * max(distinct.values())]
    assert group(latents, Bounds(1, 6, 8, near), 0).count == min(nearly)


@pytest.mark.parametrize("seed", [0, 1])
def test_groups_that_overlap_more_than_they_are_apart_are_taken_where_they_are_asked_for(seed):
    noise = torch.randn(60, 48, generator=torch.Generator().manual_seed(seed))
    assert group(noise, Bounds(10, 10, 4, 0.9), seed).count == 10


def test_the_same_seed_groups_alike_and_the_global_random_states_stay():
    latents = torch.randn(60, 48, generator=torch.Generator().manual_seed(3))
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, same = (group(latents, Bounds(3, 6, 4, 0.9), 7) for _ in range(2))
    assert torch.equal(one.labels_N, same.labels_N)
    assert one.silhouette == same.silhouette
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)


@pytest.mark.parametrize("width", [8, 48])
def test_a_silhouette_is_sklearns_in_the_first_sixteen_principal_components(width):
    latents, true = blobs(3, width=width)
    components = PCA(min(16, width), svd_solver="full").fit_transform(latents.double().numpy())
    expected = silhouette_score(components, true.numpy())
    assert silhouette(latents, true) == pytest.approx(expected)
    found = group(latents, ANY, 0)
    assert found.silhouette == silhouette(latents, found.labels_N)


@pytest.mark.parametrize("labels", [torch.zeros(30, dtype=torch.int64), torch.arange(30)])
def test_one_group_and_only_lone_frames_are_not_distinct(labels):
    assert silhouette(blobs(1, 30)[0], labels) == 0.0


@pytest.mark.parametrize("frames", [20, 60, 200])
def test_a_camera_that_shows_the_same_image_over_and_over_shows_one_group(frames):
    assert group(torch.ones(frames, 48), ANY, 0).count == 1


def neighbours_share(latents, labels):
    """Return Newman and Girvan's Q of the symmetric graph of the 15 nearest ones, edge by edge."""
    points = PCA(min(32, latents.shape[1]), svd_solver="full").fit_transform(latents.double().numpy())
    apart = ((points[:, None] - points[None]) ** 2).sum(2)
    np.fill_diagonal(apart, np.inf)
    graph = np.zeros_like(apart)
    for frame, row in enumerate(apart):
        for other in np.argsort(row)[:15]:
            graph[frame, other] += 0.5
            graph[other, frame] += 0.5
    edges, total = graph.sum(1), graph.sum()
    pairs = [(i, j) for i in range(len(graph)) for j in range(len(graph)) if labels[i] == labels[j]]
    return sum(graph[i, j] / total - edges[i] * edges[j] / total**2 for i, j in pairs)


def test_modularity_is_the_share_of_neighbours_inside_groups_beyond_chance():
    draw = torch.Generator().manual_seed(2)
    latents, true = blobs(4, each=25)
    for labels in (true, true // 2, torch.randint(5, (100,), generator=draw)):
        assert Neighbourhood(latents, 0).modularity(labels) == pytest.approx(neighbours_share(latents, labels.numpy()))
    assert Neighbourhood(latents, 0).modularity(torch.zeros(100, dtype=torch.int64)) == pytest.approx(0.0)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("groups", [4, 6, 8])
def test_a_whole_world_has_as_many_communities_as_it_is_made_of(groups, seed):
    latents, true = blobs(groups, each=40, seed=seed)
    found = Neighbourhood(latents, seed).communities(Bounds(2, 15, 8))
    assert found.count == groups
    assert agreement(found.labels_N, true) == 1.0


def test_too_few_frames_for_two_groups_are_one_community():
    assert Neighbourhood(blobs(1, 1)[0], 0).communities(Bounds(2, 15, 8)).count == 1
