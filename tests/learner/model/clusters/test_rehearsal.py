from collections import Counter
from dataclasses import replace

import pytest
import torch

from learner.change.schedule import PendingUpdate
from learner.memory.replay_memory import GeneratedImage, ReplayMemory
from learner.model.clusters.model import ClusterModel
from learner.model.clusters.rehearsal import recall, rehearse
from learner.model.contract import SyntheticImages, UpdateInputs, score_images
from learner.plan.inputs import Inputs
from learner.step import step
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import PREPROCESSING, SETTINGS, digits_log, run_through

NOTHING = SyntheticImages.none(PREPROCESSING)


@pytest.fixture(scope="module")
def known() -> ClusterModel:
    return run_through(digits_log(64))[0].model


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def rehearsed(known, generated, count=10):
    inputs = replace(UpdateInputs.alone(PREPROCESSING.empty()), rehearsed_images=count, generated=generated)
    return rehearse(known, inputs, seeded(3))


def generated(slots):
    images_NCSS = torch.arange(float(len(slots)))[:, None, None, None].expand(-1, 3, 32, 32)
    return SyntheticImages(images_NCSS, torch.tensor(slots))


def test_without_generated_images_it_is_recall_bit_for_bit(known):
    past, found = recall(known, 10, seeded(3)), rehearsed(known, NOTHING)
    assert torch.equal(found.images_NCSS, past.images_NCSS)
    assert torch.equal(found.slots_N, past.slots_N)


def test_generated_images_take_the_place_of_recalled_ones_of_the_same_cluster(known):
    without, found = rehearsed(known, NOTHING), rehearsed(known, generated([0, 1, 0]))
    assert torch.equal(found.slots_N, without.slots_N)
    replaced = [n for n in range(10) if not torch.equal(found.images_NCSS[n], without.images_NCSS[n])]
    assert replaced == [0, 1, 2]
    assert found.images_NCSS[:3, 0, 0, 0].tolist() == [0.0, 1.0, 2.0]
    assert found.slots_N[:3].tolist() == [0, 1, 0]


def test_what_is_more_than_a_clusters_share_is_left_out(known):
    found = rehearsed(known, generated([1] * 9))
    assert len(found.images_NCSS) == 10
    assert found.images_NCSS[found.slots_N == 1][:, 0, 0, 0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_where_nothing_is_rehearsed_generated_images_have_no_place(known):
    assert len(rehearsed(known, generated([0, 1]), count=0).slots_N) == 0


@pytest.mark.parametrize(("changed", "images"), [({}, 90), ({"recall_ratio": 0.5}, 45), ({"recall": False}, 0)])
def test_as_many_images_are_rehearsed_as_the_ratio_says(changed, images):
    assert SETTINGS.model_copy(update=changed).rehearsed_images(90) == images


def test_before_the_first_update_nothing_is_recalled():
    past = recall(ClusterModel.new(SETTINGS), 10, seeded(0))
    assert past.images_NCSS.shape == (0, 3, 32, 32)
    assert past.slots_N.shape == (0,)


def test_recall_is_balanced_over_the_live_clusters_whatever_their_size(known):
    more = known.mixture.with_added(known.mixture.means_KD[:1] + 1)
    past = recall(replace(known, mixture=more), 31, seeded(0))
    assert sorted(Counter(past.slots_N.tolist()).values()) == [10, 10, 11]
    assert past.images_NCSS.shape == (31, 3, 32, 32)


def test_dead_slots_are_never_recalled(known):
    past = recall(replace(known, mixture=known.mixture.without(0)), 8, seeded(0))
    assert set(past.slots_N.tolist()) == {1}


def test_the_same_seed_recalls_the_same_images_and_another_seed_others(known):
    first, again, other = (recall(known, 12, seeded(seed)).images_NCSS for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_none_are_recalled_where_none_are_wanted(known):
    assert len(recall(known, 0, seeded(0)).slots_N) == 0


def test_what_is_recalled_looks_like_its_own_cluster_to_the_model():
    encoder = SETTINGS.autoencoder.model_copy(update={"epochs": 12})
    known = run_through(digits_log(64), SETTINGS.model_copy(update={"autoencoder": encoder}))[0].model
    past = recall(known, 20, seeded(0))
    seen = score_images(known, past.images_NCSS).slots_N
    assert (seen == past.slots_N).float().mean() >= 0.75


def test_an_update_is_given_generated_images_with_the_slots_of_their_clusters():
    given = []

    class Listening(ClusterModel):
        def learn(self, inputs, generator):
            given.append(inputs)
            return super().learn(inputs, generator)

    state, _ = run_through(digits_log(112))
    swapped = state.model.ids_K.clone()
    swapped[[0, 1]] = torch.tensor([1, 0])
    model = replace(Listening(**vars(state.model)), mixture=replace(state.model.mixture, ids_K=swapped))
    white = torch.full((3, 32, 32), 255, dtype=torch.uint8)
    replay = ReplayMemory(generated=(GeneratedImage(1, 2, 99, white), GeneratedImage(0, 2, 99, white // 5)))
    schedule = replace(state.schedule, pending=PendingUpdate(1, 1, None))
    state = replace(state, model=model, replay=replay, schedule=schedule)
    plan = TaskPlan("small", 1, state.progress.task_seq + 1, {}, {}, OffsetRange(0, 0), 0, SETTINGS.sha256(), 0)
    step(state, plan, Inputs(()))
    (inputs,) = given
    assert inputs.generated.slots_N.tolist() == [0, 1]
    assert inputs.generated.images_NCSS[:, 0, 0, 0].tolist() == pytest.approx([1.0, 0.2])
