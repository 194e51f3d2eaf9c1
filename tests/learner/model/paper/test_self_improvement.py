import numpy as np
import torch

from learner.model.paper.frontier import FrontierEncoder
from learner.model.paper.latent_mixture import fit_mixture
from learner.model.paper.self_improvement import carried_clusters, count_votes, decoded, names_by_vote
from tests.learner.model.paper.tiny import PAPER


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def test_decoded_images_are_spread_evenly_over_the_clusters_and_labelled_with_them():
    encoder = FrontierEncoder.new(PAPER, 0)
    latents = torch.rand(60, encoder.network.latent_width, generator=draw())
    made = decoded(encoder, fit_mixture(latents, 3, PAPER, 0), 31, draw())
    assert made.images_NCSS.shape == (31, 3, 32, 32)
    assert torch.bincount(made.slots_N).tolist() == [11, 10, 10]


def test_votes_are_counted_as_by_a_loop():
    components, clusters = torch.tensor([0, 2, 2, 1, 2]), torch.tensor([1, 0, 0, 1, 1])
    expected = np.zeros((4, 2), dtype=int)
    for component, cluster in zip(components.tolist(), clusters.tolist(), strict=True):
        expected[component, cluster] += 1
    np.testing.assert_array_equal(count_votes(components, clusters, 4, 2).numpy(), expected)


def test_each_earlier_cluster_is_carried_to_a_component_of_its_own_with_the_most_votes_in_all():
    votes_KJ = torch.tensor([[9, 8, 0], [1, 5, 0], [0, 0, 7], [0, 1, 0]])
    assert carried_clusters(votes_KJ).tolist() == [0, 1, 2]


def test_names_go_to_the_components_by_vote_and_the_nameless_do_not_vote():
    components = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    names = ["cat", "dog", "dog", "", "", "owl", "bat"]
    assert names_by_vote(components, names, 4) == {0: "dog", 2: "bat"}
