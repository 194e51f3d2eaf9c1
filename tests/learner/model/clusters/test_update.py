from dataclasses import replace

import pytest
import torch
from learner.model.clusters.knowledge import Knowledge
from learner.model.clusters.recall import recall
from learner.model.clusters.words import Words
from learner.save.state_format import state_to_bytes

from learner.faults import Faults
from learner.memory.names import Names
from learner.model.clusters.update import Material, update
from learner.service import fix_threads
from learner.settings import LearnerSettings
from learner.state import LearnerState
from tests.learner.small import SETTINGS, digit_images

WINDOW = 48
AGAIN = 60  # where the stream still has its first two classes
SECOND_TASK = 170  # where it has left them


def settings_with(**changes):
    return LearnerSettings(**SETTINGS.model_dump() | changes)


def learn(knowledge, material, settings=SETTINGS, seed=7):
    fix_threads(1)
    return update(knowledge, material, settings, torch.Generator().manual_seed(seed), Faults())


def window(first, count=WINDOW):
    return Material.alone(digit_images(first, count))


def quiet(first, count=WINDOW, recent=0):
    """Return a window in a world that has not changed, and so many frames before it."""
    return replace(window(first, count), recent_VCSS=digit_images(first - recent, recent + count), changed=False)


def first(settings=SETTINGS):
    return learn(Knowledge.nothing(settings), window(0), settings)


@pytest.fixture(scope="module")
def known() -> Knowledge:
    return first()[0]


@pytest.fixture(scope="module")
def second(known):
    return learn(known, window(SECOND_TASK))


def bits(knowledge):
    state = LearnerState.new(SETTINGS)
    state.knowledge = knowledge
    return state_to_bytes(state)


def test_the_first_update_bears_the_first_clusters_and_recalls_nothing():
    knowledge, report = first()
    assert knowledge.projection is not None
    assert knowledge.mixture.ids_K.tolist()[:3] == [0, 1, -1]
    assert (report.born, report.live_clusters, report.novel_frames) == ([0, 1], 2, WINDOW)
    assert (report.window_frames, report.recalled_images) == (WINDOW, 0)
    assert report.images_backpropagated == WINDOW * SETTINGS.epochs
    assert knowledge.mixture.frames == WINDOW
    assert float(knowledge.mixture.counts_K.sum()) == pytest.approx(WINDOW)


def test_later_updates_rehearse_one_to_one_and_keep_slots_and_ids(second):
    knowledge, report = second
    assert report.recalled_images == WINDOW
    assert report.images_backpropagated == 2 * WINDOW * SETTINGS.epochs
    assert knowledge.mixture.ids_K.tolist()[:5] == [0, 1, 2, 3, -1]
    assert report.born == [2, 3]
    assert 0 < report.novel_frames < WINDOW
    assert (report.cause, report.births_without_slot, report.merged, report.pruned) == ("change", 0, (), ())


def test_recalled_images_train_but_never_stand_behind_a_cluster(known, second):
    knowledge, _ = second
    assert knowledge.mixture.frames == 2 * WINDOW
    assert float(knowledge.mixture.counts_K.sum()) == pytest.approx(2 * WINDOW)
    unseen = knowledge.mixture.counts_K[:2] - known.mixture.counts_K[:2]
    assert float(unseen.max()) < WINDOW / 8, "the window has no frame of the first clusters"


def test_what_comes_back_bears_no_new_cluster(second):
    knowledge, report = learn(second[0], window(AGAIN))
    assert report.novel_frames <= WINDOW / 8
    assert report.born == []
    assert knowledge.mixture.ids_K.tolist() == second[0].mixture.ids_K.tolist()
    slots = knowledge.score(digit_images(AGAIN, WINDOW)).slots_N
    assert float((slots < 2).double().mean()) >= 0.9, "its frames go to the clusters of then"


def test_the_old_knowledge_stays_as_it_was(known):
    before = bits(known)
    learn(known, window(SECOND_TASK))
    learn(known, quiet(AGAIN, recent=16))
    assert bits(known) == before


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(known):
    material = window(SECOND_TASK)
    one, same, other = (learn(known, material, seed=seed)[0] for seed in (1, 1, 2))
    assert bits(one) == bits(same)
    assert bits(one) != bits(other)


def test_the_global_random_state_is_neither_read_nor_moved(known, second):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, _ = learn(known, window(SECOND_TASK))
    assert torch.equal(torch.get_rng_state(), state)
    assert bits(one) == bits(second[0])


def test_the_stronger_the_hold_the_nearer_the_past_stays_to_where_it_was(known):
    past = digit_images(0, WINDOW)

    def moved(stability):
        knowledge, _ = learn(known, window(SECOND_TASK), settings_with(stability=stability))
        with torch.inference_mode():
            return float((knowledge.network.encode(past) - known.network.encode(past)).square().mean())

    free, held, still = (moved(stability) for stability in (0.0, 0.1, 1.0))
    assert held < 0.8 * free
    assert still < 0.5 * held


def test_old_means_move_as_far_as_their_rehearsed_images_do(known, second):
    knowledge, _ = second
    past = recall(known, WINDOW, SETTINGS.recall_temperature, torch.Generator().manual_seed(7))
    for slot in (0, 1):
        own = past.images_NCSS[past.slots_N == slot]
        with torch.inference_mode():
            shift = (knowledge.network.encode(own) - known.network.encode(own)).double().mean(0)
        before = known.mixture.means_KD[slot] @ known.projection.components_DL + known.projection.mean_L
        expected = knowledge.projection.forward((before + shift)[None])[0]
        torch.testing.assert_close(knowledge.mixture.means_KD[slot], expected, atol=0.01, rtol=0)


def test_in_a_quiet_world_nothing_is_born(known):
    knowledge, report = learn(known, quiet(AGAIN))
    assert (report.cause, report.born, report.novel_frames) == ("interval", [], 0)
    assert knowledge.mixture.ids_K.tolist() == known.mixture.ids_K.tolist()
    assert knowledge.mixture.frames == 2 * WINDOW


def test_too_many_novel_frames_bear_clusters_also_where_no_change_was_signalled(known):
    _, unmoved = learn(known, quiet(SECOND_TASK), settings_with(novel_rate=0.9))
    _, moved = learn(known, quiet(SECOND_TASK), settings_with(novel_rate=0.1))
    assert (unmoved.born, unmoved.novel_frames) == ([], 0)
    assert (moved.born, moved.cause) == ([2, 3], "interval")
    assert moved.novel_frames >= WINDOW / 10


def test_in_a_quiet_world_a_young_cluster_that_is_two_is_split():
    lumped, report = first(settings_with(fewest_births=1, most_births=1))
    assert report.live_clusters == 1
    knowledge, report = learn(lumped, quiet(AGAIN, recent=AGAIN), settings_with(most_births=2))
    assert (report.born, report.cause) == ([1], "interval")
    assert knowledge.mixture.ids_K.tolist()[:3] == [0, 1, -1]


def test_where_the_labeller_falls_silent_it_is_split_all_the_same_and_nobody_votes():
    lumped, _ = first(settings_with(fewest_births=1, most_births=1))
    silent = Words.of([""] * WINDOW, Names(votes={0: {"cat": 3.0}}), lumped.mixture.ids_K)
    knowledge, report = learn(lumped, replace(quiet(AGAIN, recent=AGAIN), words=silent), settings_with(most_births=2))
    assert (report.born, report.votes) == ([1], ())
    assert knowledge.mixture.ids_K.tolist()[:3] == [0, 1, -1]


def test_overlapping_clusters_of_different_names_are_never_merged(known):
    silent = Words.of([""] * WINDOW, Names(votes={0: {"cat": 3.0}, 1: {"dog": 3.0}}), known.mixture.ids_K)
    _, named = learn(known, replace(quiet(AGAIN), words=silent), settings_with(merge_distance=1e6))
    _, unnamed = learn(known, quiet(AGAIN), settings_with(merge_distance=1e6))
    assert (named.merged, unnamed.merged) == ((), ((0, 1),))


def test_clusters_that_overlap_are_merged_and_the_report_says_which():
    knowledge, report = first(settings_with(merge_distance=1e6))
    assert (report.merged, report.born, report.live_clusters) == (((0, 1),), [0], 1)
    assert knowledge.mixture.next_id == 2, "the id that is gone does not come back"


def test_clusters_with_too_few_frames_behind_them_are_pruned_and_the_report_says_which(known):
    knowledge, report = learn(known, quiet(AGAIN), settings_with(cluster_frames=1000))
    (gone,) = report.pruned
    assert knowledge.mixture.ids_K.tolist()[:3] == [-1 if cluster == gone else cluster for cluster in (0, 1)] + [-1]
    assert report.live_clusters == 1


def test_without_recall_only_the_window_is_learned_and_clusters_live_on():
    settings = settings_with(recall=False)
    known, _ = first(settings)
    knowledge, report = learn(known, window(SECOND_TASK), settings)
    assert (report.recalled_images, report.images_backpropagated) == (0, WINDOW * SETTINGS.epochs)
    assert knowledge.mixture.ids_K.tolist()[:2] == [0, 1]
    assert torch.isfinite(knowledge.mixture.means_KD).all()


def test_with_all_slots_taken_it_learns_on_bears_nothing_and_says_so():
    settings = settings_with(max_clusters=5, fewest_births=5, most_births=5, merge_distance=0.0, cluster_frames=2)
    known, report = first(settings)
    assert report.born == [0, 1, 2, 3, 4]
    full, report = learn(known, window(SECOND_TASK), settings)
    assert (report.born, report.live_clusters, full.mixture.next_id) == ([], 5, 5)
    assert report.births_without_slot > 0


def test_every_live_cluster_has_a_positive_threshold_above_its_mean(second):
    knowledge, _ = second
    live = knowledge.mixture.live_K
    assert (knowledge.uncertainty.threshold_K > knowledge.uncertainty.mean_K)[live].all()
    assert (knowledge.uncertainty.deviation_K > 0)[live].all()


def test_training_lowers_the_reconstruction_error():
    settings = settings_with(epochs=12)
    start = Knowledge.nothing(settings)
    knowledge, _ = learn(start, window(0), settings)
    with torch.inference_mode():
        before, after = (net.reconstruction_loss(digit_images(0, WINDOW)) for net in (start.network, knowledge.network))
    assert after < 0.8 * before


def test_the_smallest_window_that_the_settings_allow_can_be_learned():
    fewest = SETTINGS.projection_dimensions + 1
    knowledge, report = learn(Knowledge.nothing(SETTINGS), window(0, fewest))
    assert report.live_clusters == 2
    again, report = learn(knowledge, window(SECOND_TASK, fewest))
    assert again.mixture.ids_K.tolist()[:2] == [0, 1]
    assert torch.isfinite(again.uncertainty.threshold_K).all()


def test_a_camera_that_shows_the_same_image_over_and_over_can_be_learned_from(known):
    still = digit_images(SECOND_TASK, 1).expand(WINDOW, -1, -1, -1)
    for material in (Material.alone(still), replace(Material.alone(still), changed=False)):
        knowledge, _ = learn(known, material)
        assert torch.isfinite(knowledge.mixture.probabilities(knowledge.mixture.means_KD)).all()
        assert torch.isfinite(knowledge.uncertainty.threshold_K).all()
    knowledge, report = learn(Knowledge.nothing(SETTINGS), Material.alone(still))
    assert report.live_clusters >= 1
    assert torch.isfinite(knowledge.score(still).excess_N).all()
