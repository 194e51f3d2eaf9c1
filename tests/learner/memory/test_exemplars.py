from dataclasses import dataclass, replace

import pytest
import torch

from learner.memory.exemplars import Exemplars
from learner.model.clusters.model import ClusterModel
from learner.model.contract import Scores
from tests.learner.small import SETTINGS, digit_images, digits_log, run_through, state_with_clusters


@dataclass(frozen=True)
class Seen(ClusterModel):
    """A model that scores as it is told."""

    told: Scores | None = None

    def score(self, latents_NL):  # noqa: ARG002  the contract's
        return self.told


def model_that_scores(slots, dispersions, clusters):
    model = state_with_clusters(clusters).model
    dispersion_N = torch.tensor(dispersions, dtype=torch.float64)
    scores = Scores(model.mixture.means_KD[slots], torch.tensor(slots), dispersion_N, dispersion_N, dispersion_N > 9)
    return Seen(model.encoder, model.projection, model.mixture, model.uncertainty, model.settings, scores)


def grey(*levels):
    """Return one plain image for each level of 0 to 255."""
    return torch.tensor(levels)[:, None, None, None].expand(-1, 3, 32, 32) / 255.0


def levels(exemplars):
    return {cluster: images[:, 0, 0, 0].tolist() for cluster, images in exemplars.by_cluster.items()}


def test_the_nearest_to_z_max_are_kept_nearest_first():
    model = model_that_scores([0, 0, 1, 0], [3.0, 1.0, 0.5, 2.0], clusters=2)
    chosen = Exemplars().renewed(model, grey(10, 11, 20, 12), 5)
    assert levels(chosen) == {0: [11, 12, 10], 1: [20]}


@pytest.mark.parametrize(("members", "expected"), [(6, [1, 2, 3, 4, 5]), (5, [0, 1, 2, 3, 4])])
def test_z_max_itself_is_left_out_of_a_cluster_that_has_more_than_enough(members, expected):
    model = model_that_scores([0] * members, [float(n) for n in range(members)], clusters=1)
    assert levels(Exemplars().renewed(model, grey(*range(members)), 5)) == {0: expected}


def test_a_cluster_without_members_in_the_window_keeps_its_own_until_it_is_no_more():
    first = Exemplars().renewed(model_that_scores([0, 1], [1.0, 1.0], clusters=2), grey(7, 8), 5)
    second = first.renewed(model_that_scores([1], [1.0], clusters=2), grey(9), 5)
    assert levels(second) == {0: [7], 1: [9]}
    shown = model_that_scores([1], [1.0], clusters=2)
    gone = replace(shown, mixture=shown.mixture.without(0))
    assert levels(second.renewed(gone, grey(9), 5)) == {1: [9]}
    assert levels(first) == {0: [7], 1: [8]}


def test_a_few_strays_do_not_take_the_place_of_exemplars_and_as_many_members_do():
    first = Exemplars().renewed(model_that_scores([0, 0, 0], [1.0, 2.0, 3.0], clusters=1), grey(7, 8, 9), 5)
    strays = first.renewed(model_that_scores([0, 0], [1.0, 2.0], clusters=1), grey(20, 21), 5)
    assert levels(strays) == {0: [7, 8, 9]}
    members = first.renewed(model_that_scores([0, 0, 0], [1.0, 2.0, 3.0], clusters=1), grey(20, 21, 22), 5)
    assert levels(members) == {0: [20, 21, 22]}


def test_none_are_kept_where_the_setting_says_so():
    model = model_that_scores([0], [1.0], clusters=1)
    kept = Exemplars().renewed(model, grey(7), 5)
    assert kept.renewed(model, grey(7), 0).by_cluster == {}
    assert Exemplars.load(kept.save(), SETTINGS.model_copy(update={"exemplars": 0})).by_cluster == {}


def test_fewer_are_loaded_where_the_setting_now_says_so():
    kept = Exemplars().renewed(model_that_scores([0, 0], [1.0, 2.0], clusters=1), grey(7, 8), 5)
    assert levels(Exemplars.load(kept.save(), SETTINGS.model_copy(update={"exemplars": 1}))) == {0: [7]}


def test_they_come_back_whole():
    slots = [2, 0, 0, 1, 2, 2]
    full = Exemplars().renewed(model_that_scores(slots, [1.0] * 6, clusters=3), grey(*range(6)), 5)
    assert levels(Exemplars.load(full.save(), SETTINGS)) == levels(full) == {0: [1, 2], 1: [3], 2: [0, 4, 5]}
    assert Exemplars.load(Exemplars().save(), SETTINGS).by_cluster == {}


def test_a_learner_keeps_real_images_of_each_cluster_of_its_window():
    state, _ = run_through(digits_log(48))
    window = (digit_images(0, 48) * 255).round().byte()
    assert sorted(state.exemplars.by_cluster) == [0, 1]
    for images in state.exemplars.by_cluster.values():
        assert len(images) == 5
        assert all((window == image).flatten(1).all(1).any() for image in images)
