from collections import Counter
from dataclasses import replace

import torch
from learner.model.clusters.knowledge import Knowledge
from learner.model.clusters.recall import recall

from tests.learner.small import SETTINGS, digits_log, run_through


def knowledge():
    return run_through(digits_log(64))[0].knowledge


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_before_the_first_update_nothing_is_recalled():
    past = recall(Knowledge.nothing(SETTINGS), 10, 0.8, seeded(0))
    assert past.images_NCSS.shape == (0, 3, 32, 32)
    assert past.slots_N.shape == (0,)


def test_recall_is_balanced_over_the_live_clusters_whatever_their_size():
    known = knowledge()
    born = known.mixture.born(known.mixture.means_KD[:1] + 1)
    past = recall(replace(known, mixture=born), 31, 0.8, seeded(0))
    assert sorted(Counter(past.slots_N.tolist()).values()) == [10, 10, 11]
    assert past.images_NCSS.shape == (31, 3, 32, 32)


def test_dead_slots_are_never_recalled():
    known = knowledge()
    ids = known.mixture.ids_K.clone()
    ids[0] = -1
    past = recall(replace(known, mixture=replace(known.mixture, ids_K=ids)), 8, 0.8, seeded(0))
    assert set(past.slots_N.tolist()) == {1}


def test_the_same_seed_recalls_the_same_images_and_another_seed_others():
    known = knowledge()
    first, again, other = (recall(known, 12, 0.8, seeded(seed)).images_NCSS for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_none_are_recalled_where_none_are_wanted():
    assert len(recall(knowledge(), 0, 0.8, seeded(0)).slots_N) == 0


def test_what_is_recalled_looks_like_its_own_cluster_to_the_model():
    known = run_through(digits_log(64), SETTINGS.model_copy(update={"epochs": 12}))[0].knowledge
    past = recall(known, 20, 0.2, seeded(0))
    seen = known.score(past.images_NCSS).slots_N
    assert (seen == past.slots_N).float().mean() >= 0.75
