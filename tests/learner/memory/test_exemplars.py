from dataclasses import replace

import pytest
import torch
from learner.model.clusters.knowledge import Knowledge, Scores

from learner.memory.exemplars import Exemplars
from tests.learner.small import SETTINGS, digit_images, digits_log, run_through


class Seen(Knowledge):
    """Knowledge that scores as it is told."""

    def score(self, images_NCSS):  # noqa: ARG002
        return self.__dict__["told"]


def knowledge_that_scores(slots, dispersions, clusters):
    nothing = Knowledge.nothing(SETTINGS)
    centres = torch.zeros(clusters, SETTINGS.projection_dimensions, dtype=torch.float64)
    known = Seen(nothing.network, None, nothing.mixture.born(centres), nothing.uncertainty)
    dispersion_N = torch.tensor(dispersions, dtype=torch.float64)
    known.__dict__["told"] = Scores(centres[slots], torch.tensor(slots), dispersion_N, dispersion_N, dispersion_N > 9)
    return known


def grey(*levels):
    """Return one plain image for each level of 0 to 255."""
    return torch.tensor(levels)[:, None, None, None].expand(-1, 3, 32, 32) / 255.0


def levels(exemplars):
    return {cluster: images[:, 0, 0, 0].tolist() for cluster, images in exemplars.by_cluster.items()}


def test_the_nearest_to_z_max_are_kept_nearest_first():
    known = knowledge_that_scores([0, 0, 1, 0], [3.0, 1.0, 0.5, 2.0], clusters=2)
    chosen = Exemplars().renewed(known, grey(10, 11, 20, 12), 5)
    assert levels(chosen) == {0: [11, 12, 10], 1: [20]}


@pytest.mark.parametrize(("members", "expected"), [(6, [1, 2, 3, 4, 5]), (5, [0, 1, 2, 3, 4])])
def test_z_max_itself_is_left_out_of_a_cluster_that_has_more_than_enough(members, expected):
    known = knowledge_that_scores([0] * members, [float(n) for n in range(members)], clusters=1)
    assert levels(Exemplars().renewed(known, grey(*range(members)), 5)) == {0: expected}


def test_a_cluster_without_members_in_the_window_keeps_its_own_until_it_is_no_more():
    first = Exemplars().renewed(knowledge_that_scores([0, 1], [1.0, 1.0], clusters=2), grey(7, 8), 5)
    second = first.renewed(knowledge_that_scores([1], [1.0], clusters=2), grey(9), 5)
    assert levels(second) == {0: [7], 1: [9]}
    gone = knowledge_that_scores([1], [1.0], clusters=2)
    gone = replace(
        gone, mixture=replace(gone.mixture, ids_K=gone.mixture.ids_K.clone().index_fill(0, torch.tensor(0), -1))
    )
    gone.__dict__["told"] = knowledge_that_scores([1], [1.0], clusters=2).__dict__["told"]
    assert levels(second.renewed(gone, grey(9), 5)) == {1: [9]}


def test_a_few_strays_do_not_take_the_place_of_exemplars_and_as_many_members_do():
    first = Exemplars().renewed(knowledge_that_scores([0, 0, 0], [1.0, 2.0, 3.0], clusters=1), grey(7, 8, 9), 5)
    strays = first.renewed(knowledge_that_scores([0, 0], [1.0, 2.0], clusters=1), grey(20, 21), 5)
    assert levels(strays) == {0: [7, 8, 9]}
    members = first.renewed(knowledge_that_scores([0, 0, 0], [1.0, 2.0, 3.0], clusters=1), grey(20, 21, 22), 5)
    assert levels(members) == {0: [20, 21, 22]}


def test_none_are_kept_where_the_setting_says_so():
    known = knowledge_that_scores([0], [1.0], clusters=1)
    kept = Exemplars().renewed(known, grey(7), 5)
    assert Exemplars().renewed(known, grey(7), 0).by_cluster == {}
    assert kept.at_most(0).by_cluster == {}


def test_they_take_as_many_bytes_for_one_cluster_as_for_all_and_come_back_whole():
    one = Exemplars().renewed(knowledge_that_scores([0], [1.0], clusters=1), grey(7), 5)
    all_slots = list(range(SETTINGS.max_clusters))
    known = knowledge_that_scores(all_slots, [1.0] * len(all_slots), clusters=len(all_slots))
    full = Exemplars().renewed(known, grey(*all_slots), 5)
    ids_K = known.mixture.ids_K
    assert one.to_tensors(ids_K, 5)["images_KECSS"].shape == full.to_tensors(ids_K, 5)["images_KECSS"].shape
    assert levels(Exemplars.from_tensors(ids_K, full.to_tensors(ids_K, 5))) == levels(full)
    assert levels(Exemplars.from_tensors(ids_K, Exemplars().to_tensors(ids_K, 5))) == {}


def test_a_learner_keeps_real_images_of_each_cluster_of_its_window():
    state, _ = run_through(digits_log(48))
    window = (digit_images(0, 48) * 255).round().byte()
    assert sorted(state.exemplars.by_cluster) == [0, 1]
    for images in state.exemplars.by_cluster.values():
        assert len(images) == 5
        assert all((window == image).flatten(1).all(1).any() for image in images)
