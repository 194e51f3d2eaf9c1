import torch

from learner.faults import Faults
from learner.knowledge import Knowledge
from learner.rehearsal import Generated
from learner.service import fix_threads
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.state_format import state_to_bytes
from learner.update import update
from tests.learner.small import SETTINGS, digit_images

WINDOW = 48
SECOND_TASK = 170  # where the stream has left its first two classes


def learn(knowledge, window, settings=SETTINGS, seed=7):
    fix_threads(1)
    return update(knowledge, window, Generated.nothing(32), settings, torch.Generator().manual_seed(seed), Faults())


def first(settings=SETTINGS):
    return learn(Knowledge.nothing(settings), digit_images(0, WINDOW), settings)


def bits(knowledge):
    state = LearnerState.new(SETTINGS)
    state.knowledge = knowledge
    return state_to_bytes(state)


def test_the_first_update_bears_the_first_clusters_and_recalls_nothing():
    knowledge, report = first()
    assert knowledge.projection is not None
    assert knowledge.mixture.ids_K.tolist()[:3] == [0, 1, -1]
    assert (report.born, report.live_clusters) == ([0, 1], 2)
    assert (report.window_frames, report.recalled_images) == (WINDOW, 0)
    assert report.images_backpropagated == WINDOW * SETTINGS.epochs


def test_later_updates_rehearse_one_to_one_and_keep_slots_and_ids():
    known, _ = first()
    knowledge, report = learn(known, digit_images(SECOND_TASK, WINDOW))
    assert report.recalled_images == WINDOW
    assert report.images_backpropagated == 2 * WINDOW * SETTINGS.epochs
    assert knowledge.mixture.ids_K.tolist()[:5] == [0, 1, 2, 3, -1]
    assert report.born == [2, 3]


def test_the_old_knowledge_stays_as_it_was():
    known, _ = first()
    before = bits(known)
    learn(known, digit_images(SECOND_TASK, WINDOW))
    assert bits(known) == before


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    known, _ = first()
    window = digit_images(SECOND_TASK, WINDOW)
    one, same, other = (learn(known, window, seed=seed)[0] for seed in (1, 1, 2))
    assert bits(one) == bits(same)
    assert bits(one) != bits(other)


def test_the_global_random_state_is_neither_read_nor_moved():
    known, _ = first()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, _ = learn(known, digit_images(SECOND_TASK, WINDOW))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert bits(learn(known, digit_images(SECOND_TASK, WINDOW))[0]) == bits(one)


def test_without_recall_only_the_window_is_learned_and_clusters_live_on():
    settings = SETTINGS.model_copy(update={"recall": False})
    known, _ = first(settings)
    knowledge, report = learn(known, digit_images(SECOND_TASK, WINDOW), settings)
    assert (report.recalled_images, report.live_clusters) == (0, 4)
    assert torch.isfinite(knowledge.mixture.means_KD).all()


def test_with_all_slots_taken_it_learns_on_and_bears_nothing():
    settings = LearnerSettings(**SETTINGS.model_dump() | {"max_clusters": 5, "births": 4})
    known, _ = first(settings)
    full, report = learn(known, digit_images(SECOND_TASK, WINDOW), settings)
    assert report.born == [4]
    again, report = learn(full, digit_images(SECOND_TASK + WINDOW, WINDOW), settings)
    assert (report.born, report.live_clusters, again.mixture.next_id) == ([], 5, 5)


def test_every_live_cluster_has_a_positive_threshold_above_its_mean():
    knowledge, _ = first()
    live = knowledge.mixture.live_K
    assert (knowledge.uncertainty.threshold_K > knowledge.uncertainty.mean_K)[live].all()
    assert (knowledge.uncertainty.deviation_K > 0)[live].all()


def test_training_lowers_the_reconstruction_error():
    settings = SETTINGS.model_copy(update={"epochs": 12})
    window = digit_images(0, WINDOW)
    start = Knowledge.nothing(settings)
    knowledge, _ = learn(start, window, settings)
    with torch.inference_mode():
        before, after = (net.reconstruction_loss(window) for net in (start.network, knowledge.network))
    assert after < 0.8 * before


def test_the_smallest_window_that_the_settings_allow_can_be_learned():
    settings = SETTINGS.model_copy(update={"births": 8})
    state = LearnerState.new(settings)
    fewest = settings.projection_dimensions + settings.births
    knowledge, report = learn(state.knowledge, digit_images(0, fewest), settings)
    assert report.live_clusters == 8
    again, _ = learn(knowledge, digit_images(SECOND_TASK, fewest), settings)
    assert again.mixture.live_clusters == 16
