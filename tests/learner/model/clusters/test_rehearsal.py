import pytest
import torch
from learner.model.clusters.recall import recall

from learner.memory.replay_memory import GeneratedImage
from learner.model.clusters.rehearsal import Generated, generated_of, rehearse, rehearsed_images
from tests.learner.small import SETTINGS, digits_log, run_through


@pytest.fixture(scope="module")
def known():
    state, _ = run_through(digits_log(48))
    return state.knowledge


def rehearsed(known, generated, settings=SETTINGS):
    return rehearse(known, generated, 10, settings, torch.Generator().manual_seed(3))


def generated(slots):
    return Generated(torch.arange(float(len(slots)))[:, None, None, None].expand(-1, 3, 32, 32), torch.tensor(slots))


def test_without_generated_images_it_is_recall_bit_for_bit(known):
    past = recall(known, 10, SETTINGS.recall_temperature, torch.Generator().manual_seed(3))
    found = rehearsed(known, Generated.nothing(32))
    assert torch.equal(found.images_NCSS, past.images_NCSS)
    assert torch.equal(found.slots_N, past.slots_N)


def test_generated_images_take_the_place_of_recalled_ones_of_the_same_cluster(known):
    without, found = rehearsed(known, Generated.nothing(32)), rehearsed(known, generated([0, 1, 0]))
    assert torch.equal(found.slots_N, without.slots_N)
    replaced = [int(n) for n in range(10) if not torch.equal(found.images_NCSS[n], without.images_NCSS[n])]
    assert replaced == [0, 1, 2]
    assert found.images_NCSS[:3, 0, 0, 0].tolist() == [0.0, 1.0, 2.0]
    assert found.slots_N[:3].tolist() == [0, 1, 0]


def test_what_is_more_than_a_clusters_share_is_left_out(known):
    found = rehearsed(known, generated([1] * 9))
    assert len(found.images_NCSS) == 10
    assert found.images_NCSS[found.slots_N == 1][:, 0, 0, 0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_images_are_given_the_slots_of_their_clusters(known):
    white = torch.full((3, 32, 32), 255, dtype=torch.uint8)
    found = generated_of([GeneratedImage(1, 2, 0, white), GeneratedImage(0, 2, 0, white // 5)], known, SETTINGS)
    assert found.slots_N.tolist() == [1, 0]
    assert found.images_NCSS[:, 0, 0, 0].tolist() == pytest.approx([1.0, 0.2])


def test_as_many_images_are_rehearsed_as_the_ratio_says():
    assert rehearsed_images(90, SETTINGS) == 90
    assert rehearsed_images(90, SETTINGS.model_copy(update={"recall_ratio": 0.5})) == 45
    assert rehearsed_images(90, SETTINGS.model_copy(update={"recall": False})) == 0


def test_alone_only_what_is_generated_is_rehearsed_and_nothing_where_there_is_nothing(known):
    alone = SETTINGS.model_copy(update={"generated_alone": True})
    found = rehearsed(known, generated([0, 1, 0]), alone)
    assert found.images_NCSS[:, 0, 0, 0].tolist() == [0.0, 1.0, 2.0]
    assert found.slots_N.tolist() == [0, 1, 0]
    assert len(rehearsed(known, Generated.nothing(32), alone).slots_N) == 0
