from dataclasses import replace

import pytest
import torch

from learner.memory.names import Names
from learner.model.clusters.grouping import Bounds
from learner.model.clusters.model import ClusterModel
from learner.model.clusters.rehearsal import recall
from learner.model.clusters.update import update
from learner.model.contract import SyntheticImages, UpdateInputs, score_images
from learner.model.words import Words
from learner.process import fix_threads
from learner.settings import AutoencoderSettings, ClusterSettings
from tests.learner.small import PREPROCESSING, SETTINGS, digit_images

EPOCHS = SETTINGS.autoencoder.epochs
WINDOW = 48
AGAIN = 60  # where the stream still has its first two classes
SECOND_TASK = 170  # where it has left them
NOTHING = SyntheticImages.none(PREPROCESSING)
TWO = Bounds(2, 2, 4, 0.9)  # classes that a part of the stream shows


def under(model, **changes):
    """Return the model under other settings, each given to the part that has it."""
    own = {name: value for name, value in changes.items() if name in ClusterSettings.model_fields}
    encoders = {name: value for name, value in changes.items() if name in AutoencoderSettings.model_fields}
    assert len(own) + len(encoders) == len(changes)
    encoder = replace(model.encoder, settings=model.encoder.settings.model_copy(update=encoders))
    return replace(model, encoder=encoder, settings=model.settings.model_copy(update=own))


def new(**changes):
    clusters = SETTINGS.clusters.model_copy(update=changes)
    return ClusterModel.new(SETTINGS.model_copy(update={"clusters": clusters}))


def learn(model, inputs, seed=7, **how):
    fix_threads(1)
    return update(model, inputs, torch.Generator().manual_seed(seed), **how)


def window(first, count=WINDOW):
    """Return a window after a change, beside which as many images are rehearsed."""
    return replace(UpdateInputs.alone(digit_images(first, count)), rehearsed_images=count)


def quiet(first, count=WINDOW, recent=0):
    """Return a window in a world that has not changed, and so many frames before it."""
    return replace(window(first, count), recent_VCSS=digit_images(first - recent, recent + count), changed=False)


def first(**changes):
    return learn(new(**changes), window(0))


def lumped():
    """Return a model that took the first two classes for one cluster."""
    model, report = first(most_births=1)
    assert report.live_clusters == 1
    return under(model, most_births=2)


def silence(model, votes):
    """Return what a labeller says that once named clusters and now says nothing of any frame."""
    ids, names = model.ids_K.tolist(), Names(votes=votes)
    return Words.of([""] * WINDOW, [names.word_of(one) for one in ids], [names.is_settled(one) for one in ids])


@pytest.fixture(scope="module")
def known() -> ClusterModel:
    return first()[0]


@pytest.fixture(scope="module")
def second(known):
    return learn(known, window(SECOND_TASK), bounds=TWO)


def same(one, other):
    before, after = one.save(), other.save()
    return before.values == after.values and all(
        torch.equal(value, after.tensors[name]) for name, value in before.tensors.items()
    )


def test_the_first_update_adds_the_first_clusters_and_recalls_nothing():
    model, report = first()
    assert model.projection is not None
    assert model.mixture.ids_K.tolist()[:3] == [0, 1, -1]
    assert (report.added, report.live_clusters, report.novel_frames) == ([0, 1], 2, WINDOW)
    assert (report.window_frames, report.recalled_images) == (WINDOW, 0)
    assert report.images_backpropagated == WINDOW * EPOCHS
    assert model.mixture.frames == WINDOW
    assert float(model.mixture.counts_K.sum()) == pytest.approx(WINDOW)


def test_later_updates_rehearse_one_to_one_and_keep_slots_and_ids(second):
    model, report = second
    assert report.recalled_images == WINDOW
    assert report.images_backpropagated == 2 * WINDOW * EPOCHS
    assert model.mixture.ids_K.tolist()[:5] == [0, 1, 2, 3, -1]
    assert report.added == [2, 3]
    assert 0 < report.novel_frames < WINDOW
    assert (report.cause, report.births_without_slot, report.merged, report.pruned) == ("change", 0, (), ())


def test_recalled_images_train_but_never_stand_behind_a_cluster(known, second):
    model, _ = second
    assert model.mixture.frames == 2 * WINDOW
    assert float(model.mixture.counts_K.sum()) == pytest.approx(2 * WINDOW)
    unseen = model.mixture.counts_K[:2] - known.mixture.counts_K[:2]
    assert float(unseen.max()) < WINDOW / 8, "the window has no frame of the first clusters"


def test_what_comes_back_adds_no_cluster(second):
    model, report = learn(second[0], window(AGAIN))
    assert report.novel_frames <= WINDOW / 8
    assert report.added == []
    assert model.mixture.ids_K.tolist() == second[0].mixture.ids_K.tolist()
    slots = score_images(model, digit_images(AGAIN, WINDOW)).slots_N
    assert float((slots < 2).double().mean()) >= 0.9, "its frames go to the clusters of then"


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(known):
    inputs = window(SECOND_TASK)
    one, again, other = (learn(known, inputs, seed=seed)[0] for seed in (1, 1, 2))
    assert same(one, again)
    assert not same(one, other)


def test_the_global_random_state_is_neither_read_nor_moved(known, second):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, _ = learn(known, window(SECOND_TASK), bounds=TWO)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(one, second[0])


def test_the_stronger_the_hold_the_nearer_the_past_stays_to_where_it_was(known):
    past = digit_images(0, WINDOW)

    def moved(stability):
        model, _ = learn(under(known, stability=stability), window(SECOND_TASK))
        return float((model.encoder.embed(past) - known.encoder.embed(past)).square().mean())

    free, held, still = (moved(stability) for stability in (0.0, 0.1, 1.0))
    assert held < 0.8 * free
    assert still < 0.5 * held


def test_old_means_move_as_far_as_their_rehearsed_images_do(known, second):
    model, _ = second
    past = recall(known, WINDOW, torch.Generator().manual_seed(7))
    for slot in (0, 1):
        own = past.images_NCSS[past.slots_N == slot]
        shift = (model.encoder.embed(own) - known.encoder.embed(own)).double().mean(0)
        before = known.mixture.means_KD[slot] @ known.projection.components_DL + known.projection.mean_L
        expected = model.projection.forward((before + shift)[None])[0]
        torch.testing.assert_close(model.mixture.means_KD[slot], expected, atol=0.01, rtol=0)


def test_in_a_quiet_world_nothing_is_added(known):
    model, report = learn(known, quiet(AGAIN))
    assert (report.cause, report.added, report.novel_frames) == ("interval", [], 0)
    assert model.mixture.ids_K.tolist() == known.mixture.ids_K.tolist()
    assert model.mixture.frames == 2 * WINDOW


def test_too_many_novel_frames_add_clusters_also_where_no_change_was_signalled(known):
    _, unmoved = learn(under(known, novel_rate=0.9), quiet(SECOND_TASK))
    _, moved = learn(under(known, novel_rate=0.1), quiet(SECOND_TASK), bounds=TWO)
    assert (unmoved.added, unmoved.novel_frames) == ([], 0)
    assert (moved.added, moved.cause) == ([2, 3], "interval")
    assert moved.novel_frames >= WINDOW / 10


def test_in_a_quiet_world_a_young_cluster_that_is_two_is_split():
    model, report = learn(lumped(), quiet(AGAIN, recent=AGAIN))
    assert (report.added, report.cause) == ([1], "interval")
    assert model.mixture.ids_K.tolist()[:3] == [0, 1, -1]


def test_where_the_labeller_falls_silent_it_is_split_all_the_same_and_nobody_votes():
    before = lumped()
    silent = silence(before, {0: {"cat": 3.0}})
    model, report = learn(before, replace(quiet(AGAIN, recent=AGAIN), words=silent))
    assert (report.added, report.votes) == ([1], ())
    assert model.mixture.ids_K.tolist()[:3] == [0, 1, -1]


def test_overlapping_clusters_of_different_names_are_never_merged(known):
    silent, joining = silence(known, {0: {"cat": 3.0}, 1: {"dog": 3.0}}), under(known, merge_distance=1e6)
    _, named = learn(joining, replace(quiet(AGAIN), words=silent))
    _, unnamed = learn(joining, quiet(AGAIN))
    assert (named.merged, unnamed.merged) == ((), ((0, 1),))


def test_clusters_that_overlap_are_merged_and_the_report_says_which():
    model, report = first(merge_distance=1e6)
    assert (report.merged, report.added, report.live_clusters) == (((0, 1),), [0], 1)
    assert model.mixture.next_id == 2, "the id that is gone does not come back"


def test_clusters_with_too_few_frames_behind_them_are_pruned_and_the_report_says_which(known):
    model, report = learn(under(known, cluster_frames=1000), quiet(AGAIN))
    (gone,) = report.pruned
    assert model.mixture.ids_K.tolist()[:3] == [-1 if cluster == gone else cluster for cluster in (0, 1)] + [-1]
    assert report.live_clusters == 1


def test_without_recall_only_the_window_is_learned_and_clusters_live_on(known):
    model, report = learn(known, UpdateInputs.alone(digit_images(SECOND_TASK, WINDOW)))
    assert (report.recalled_images, report.images_backpropagated) == (0, WINDOW * EPOCHS)
    assert model.mixture.ids_K.tolist()[:2] == [0, 1]
    assert torch.isfinite(model.mixture.means_KD).all()


def test_with_all_slots_taken_it_learns_on_adds_nothing_and_says_so():
    start = new(max_clusters=5, merge_distance=0.0, cluster_frames=2)
    five = Bounds(5, 5, 2, 0.9)
    known, report = learn(start, window(0), bounds=five)
    assert report.added == [0, 1, 2, 3, 4]
    full, report = learn(known, window(SECOND_TASK), bounds=five)
    assert (report.added, report.live_clusters, full.mixture.next_id) == ([], 5, 5)
    assert report.births_without_slot > 0


def test_every_live_cluster_has_a_positive_threshold_above_its_mean(second):
    model, _ = second
    live = model.mixture.live_K
    assert (model.uncertainty.threshold_K > model.uncertainty.mean_K)[live].all()
    assert (model.uncertainty.deviation_K > 0)[live].all()


def test_training_lowers_the_reconstruction_error():
    start = under(new(), epochs=12)
    model, _ = learn(start, window(0))
    with torch.inference_mode():
        before, after = (one.encoder.network.reconstruction_loss(digit_images(0, WINDOW)) for one in (start, model))
    assert after < 0.8 * before


def test_the_smallest_window_that_the_settings_allow_can_be_learned():
    fewest = new().traits.fewest_frames
    model, report = learn(new(), window(0, fewest))
    assert report.live_clusters == 2
    again, report = learn(model, window(SECOND_TASK, fewest))
    assert again.mixture.ids_K.tolist()[:2] == [0, 1]
    assert torch.isfinite(again.uncertainty.threshold_K).all()


def test_a_camera_that_shows_the_same_image_over_and_over_can_be_learned_from(known):
    still = digit_images(SECOND_TASK, 1).expand(WINDOW, -1, -1, -1)
    for changed in (True, False):
        model, _ = learn(known, replace(UpdateInputs.alone(still), rehearsed_images=WINDOW, changed=changed))
        assert torch.isfinite(model.mixture.probabilities(model.mixture.means_KD)).all()
        assert torch.isfinite(model.uncertainty.threshold_K).all()
    model, report = learn(new(), UpdateInputs.alone(still))
    assert report.live_clusters >= 1
    assert torch.isfinite(score_images(model, still).excess_N).all()


def test_what_a_rehearsal_of_the_callers_gives_is_learned_from_in_place_of_recall(known, second):
    def nothing(*_):
        return NOTHING

    alone, report = learn(known, window(SECOND_TASK), rehearsal=nothing, bounds=TWO)
    forgetful, _ = learn(known, UpdateInputs.alone(digit_images(SECOND_TASK, WINDOW)), bounds=TWO)
    assert report.recalled_images == 0
    assert same(alone, forgetful)
    assert not same(alone, second[0])
