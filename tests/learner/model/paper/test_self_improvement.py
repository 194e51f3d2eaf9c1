import numpy as np
import pytest
import torch

from learner.model.paper.frontier import new_frontier_model
from learner.model.paper.latent_mixture import fit_mixture
from learner.model.paper.self_improvement import (
    balanced_batches,
    carried_clusters,
    count_votes,
    decoded,
    names_by_vote,
    train,
)
from tests.learner.model.paper.tiny import SETTINGS
from tests.learner.small import digit_images


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("real", "synthetic"), [(40, 40), (40, 7), (9, 40)])
def test_every_batch_is_half_real_and_half_synthetic(real, synthetic):
    batches = balanced_batches(real, synthetic, 8, draw())
    for batch in batches:
        assert int((batch < real).sum()) * 2 == len(batch)
    seen = torch.cat(batches)
    assert set(seen.tolist()) == set(range(real + synthetic))
    assert len(seen) == 2 * max(real, synthetic)


def test_without_synthetic_images_every_real_one_comes_once():
    assert sorted(torch.cat(balanced_batches(37, 0, 8, draw())).tolist()) == list(range(37))


def test_the_batches_follow_the_seed():
    one, same, other = (torch.cat(balanced_batches(20, 20, 8, draw(seed))) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_decoded_images_are_spread_evenly_over_the_clusters_and_labelled_with_them():
    network = new_frontier_model(SETTINGS.paper_channels, 32, 0)
    latents = torch.rand(60, network.latent_width, generator=draw())
    made = decoded(network, fit_mixture(latents, 3, SETTINGS, 0), 31, draw())
    assert made.images_NCSS.shape == (31, 3, 32, 32)
    assert torch.bincount(made.slots_N).tolist() == [11, 10, 10]


def test_training_lowers_the_error_of_a_copy_on_as_many_images_as_it_says():
    start = new_frontier_model(SETTINGS.paper_channels, 32, 0)
    before = [value.clone() for value in start.state_dict().values()]
    window = digit_images(0, 48)
    synthetic = digit_images(200, 24)
    settings = SETTINGS.model_copy(update={"paper_epochs": 6})
    trained, _, seen = train(start, window, synthetic, settings, draw())
    assert seen == 6 * 2 * 48
    assert not trained.training
    assert all(torch.equal(a, b) for a, b in zip(before, start.state_dict().values(), strict=True))
    with torch.inference_mode():  # with the batch's own norm: few steps are too few for the running one
        errors = [float(net.train().reconstruction_loss(window)) for net in (start, trained)]
    assert errors[1] < 0.8 * errors[0]


def test_training_starts_from_the_carried_weights():
    start = new_frontier_model(SETTINGS.paper_channels, 32, 0)
    settings = SETTINGS.model_copy(update={"learning_rate": 1e-12})
    unmoved, _, _ = train(start, digit_images(0, 32), torch.zeros(0, 3, 32, 32), settings, draw())
    for before, after in zip(start.parameters(), unmoved.parameters(), strict=True):
        torch.testing.assert_close(after, before, atol=1e-6, rtol=0)


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
