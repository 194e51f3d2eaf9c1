from dataclasses import replace

import pytest
import torch

from learner.methods import preprocessing_of
from learner.model.contract import SyntheticImages, UpdateInputs, score_images
from learner.model.paper.model import PaperModel
from learner.process import fix_threads
from tests.learner.model.paper.tiny import PAPER, SETTINGS
from tests.learner.small import digit_images

WINDOW = 48
NOTHING = SyntheticImages.none(preprocessing_of(SETTINGS))
SECOND_TASK = 170  # where the stream has left its first two classes


def new(**changes):
    return PaperModel.new(SETTINGS.model_copy(update={"paper": PAPER.model_copy(update=changes)}))


def learn(model, window, seed=7, generated=NOTHING, changed=True):
    """Learn from a window, beside which as many images are rehearsed."""
    fix_threads(1)
    inputs = UpdateInputs(window, window, len(window), generated, changed=changed)
    return model.learn(inputs, torch.Generator().manual_seed(seed))


def first(**changes):
    return learn(new(**changes), digit_images(0, WINDOW))


def bits(model):
    return list(model.save().tensors.values())


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_first_update_has_as_many_components_as_the_task_has_classes_and_replays_nothing():
    model, report = first()
    assert (model.mixture.ids_K.tolist(), report.added) == ([0, 1], [0, 1])
    assert (report.window_frames, report.recalled_images, report.live_clusters) == (WINDOW, 0, 2)
    assert report.images_backpropagated == WINDOW * PAPER.epochs


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_later_updates_replay_one_to_one_and_earlier_clusters_keep_places_and_ids(covariance):
    known, _ = first(covariance=covariance)
    model, report = learn(known, digit_images(SECOND_TASK, WINDOW))
    assert (model.mixture.ids_K.tolist(), report.added) == ([0, 1, 2, 3], [2, 3])
    assert report.recalled_images == WINDOW
    assert report.images_backpropagated == 2 * WINDOW * PAPER.epochs
    assert torch.isfinite(model.mixture.posteriors(torch.zeros(1, model.encoder.network.latent_width))).all()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    known, _ = first()
    window = digit_images(SECOND_TASK, WINDOW)
    one, again, other = (bits(learn(known, window, seed=seed)[0]) for seed in (1, 1, 2))
    assert same(one, again)
    assert not same(one, other)


def test_the_global_random_states_are_neither_read_nor_moved():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, _ = first()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert same(bits(first()[0]), bits(one))


def test_with_all_clusters_taken_it_learns_on_and_adds_nothing():
    known, _ = first(max_clusters=5, births=4)
    full, report = learn(known, digit_images(SECOND_TASK, WINDOW))
    assert report.added == [4]
    again, report = learn(full, digit_images(SECOND_TASK + WINDOW, WINDOW))
    assert (report.added, report.live_clusters, again.mixture.next_id) == ([], 5, 5)


def test_a_window_of_one_image_seen_over_and_over_can_be_learned():
    known, _ = first()
    model, report = learn(known, digit_images(SECOND_TASK, 1).expand(32, -1, -1, -1))
    assert report.live_clusters == 4
    assert torch.isfinite(model.feedback.threshold_K).all()


def test_scores_are_those_of_stages_a_and_b():
    model, _ = first()
    frames = digit_images(SECOND_TASK, 20)
    scores = score_images(model, frames)
    latents = model.encoder.embed(frames).double()
    clusters = model.mixture.posteriors(latents).argmax(1)
    assert torch.equal(scores.slots_N, clusters)
    expected = (latents - model.feedback.modes_KL[clusters]).square().mean(1)
    torch.testing.assert_close(scores.dispersion_N, expected)
    assert torch.equal(scores.uncertain_N, expected > model.feedback.threshold_K[clusters])


def test_following_moves_thresholds_by_the_rate_of_the_settings():
    model, _ = first()
    scores = score_images(model, digit_images(SECOND_TASK, 20))
    faster = replace(model, settings=PAPER.model_copy(update={"threshold_rate": 0.5}))
    followed = faster.follow(scores, moves=True).feedback
    for k in torch.unique(scores.slots_N).tolist():
        moved = model.feedback.recent_K[k] - scores.dispersion_N[scores.slots_N == k].mean()
        torch.testing.assert_close(followed.threshold_K[k], model.feedback.threshold_K[k] + 0.5 * moved)


def test_images_of_the_workers_take_the_place_of_decoded_ones_of_their_cluster():
    known, _ = first()
    window = digit_images(SECOND_TASK, WINDOW)
    white = SyntheticImages(torch.ones(3, 3, 32, 32), torch.tensor([0, 0, 1]))
    one, report = learn(known, window)
    other, painted = learn(known, window, generated=white)
    assert painted.recalled_images == report.recalled_images == WINDOW
    assert not same(bits(one), bits(other))


def test_an_update_of_the_longest_interval_adds_nothing():
    known, _ = first()
    model, report = learn(known, digit_images(SECOND_TASK, WINDOW), changed=False)
    assert (report.added, report.births_without_slot, report.cause) == ([], 0, "interval")
    assert model.mixture.ids_K.tolist() == [0, 1]
