import pytest
import torch
from learner.model.clusters.knowledge import Scores
from learner.model.paper.knowledge import PaperKnowledge
from learner.model.paper.trigger import rate_signal, uncertain_rate

from learner.faults import Faults
from learner.model.clusters.rehearsal import Generated
from learner.model.clusters.update import Material
from learner.model.paper.update import paper_update
from learner.service import fix_threads
from learner.settings import LearnerSettings
from tests.learner.model.paper.tiny import SETTINGS
from tests.learner.small import digit_images

WINDOW = 48
NOTHING = Generated.nothing(32)
SECOND_TASK = 170  # where the stream has left its first two classes


def learn(knowledge, window, settings=SETTINGS, seed=7, generated=NOTHING, changed=True):
    fix_threads(1)
    material = Material(window, window, generated, changed=changed)
    return paper_update(knowledge, material, settings, torch.Generator().manual_seed(seed), Faults())


def first(settings=SETTINGS):
    return learn(PaperKnowledge.nothing(settings), digit_images(0, WINDOW), settings)


def bits(knowledge):
    mixture, feedback = knowledge.mixture, knowledge.feedback
    values = [*knowledge.network.state_dict().values(), mixture.weights_K, mixture.means_KL, mixture.factors]
    return [value.clone() for value in [*values, feedback.modes_KL, feedback.threshold_K, mixture.ids_K]]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def settings_with(**changes):
    return LearnerSettings(**SETTINGS.model_dump() | changes)


def test_the_first_update_has_as_many_components_as_the_task_has_classes_and_replays_nothing():
    knowledge, report = first()
    assert (knowledge.mixture.ids_K.tolist(), report.born) == ([0, 1], [0, 1])
    assert (report.window_frames, report.recalled_images, report.live_clusters) == (WINDOW, 0, 2)
    assert report.images_backpropagated == WINDOW * SETTINGS.paper_epochs


@pytest.mark.parametrize(
    ("covariance", "start"), [("full", "kmeans"), ("tied", "carried"), ("diag", "carried"), ("spherical", "kmeans")]
)
def test_later_updates_replay_one_to_one_and_earlier_clusters_keep_places_and_ids(covariance, start):
    settings = settings_with(paper_covariance=covariance, paper_mixture_start=start)
    known, _ = first(settings)
    knowledge, report = learn(known, digit_images(SECOND_TASK, WINDOW), settings)
    assert (knowledge.mixture.ids_K.tolist(), report.born) == ([0, 1, 2, 3], [2, 3])
    assert report.recalled_images == WINDOW
    assert report.images_backpropagated == 2 * WINDOW * settings.paper_epochs
    assert torch.isfinite(knowledge.mixture.posteriors(torch.zeros(1, knowledge.network.latent_width))).all()


def test_the_old_knowledge_stays_as_it_was():
    known, _ = first()
    before = bits(known)
    learn(known, digit_images(SECOND_TASK, WINDOW))
    assert same(bits(known), before)


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


def test_a_decoder_that_is_not_carried_begins_anew_and_the_encoder_does_not():
    settings = settings_with(paper_decoder_carried=False, learning_rate=1e-12)
    known, _ = first(settings)
    knowledge, _ = learn(known, digit_images(SECOND_TASK, WINDOW), settings)
    old, new = known.network, knowledge.network
    assert torch.allclose(old.encoder[0].weight, new.encoder[0].weight, atol=1e-6)
    assert not torch.allclose(old.decoder_image.weight, new.decoder_image.weight, atol=1e-3)


def test_with_all_clusters_taken_it_learns_on_and_bears_nothing():
    settings = settings_with(max_clusters=5, paper_births=4)
    known, _ = first(settings)
    full, report = learn(known, digit_images(SECOND_TASK, WINDOW), settings)
    assert report.born == [4]
    again, report = learn(full, digit_images(SECOND_TASK + WINDOW, WINDOW), settings)
    assert (report.born, report.live_clusters, again.mixture.next_id) == ([], 5, 5)


def test_a_window_of_one_image_seen_over_and_over_can_be_learned():
    known, _ = first()
    knowledge, report = learn(known, digit_images(SECOND_TASK, 1).expand(32, -1, -1, -1))
    assert report.live_clusters == 4
    assert torch.isfinite(knowledge.feedback.threshold_K).all()


def test_scores_are_those_of_stages_a_and_b():
    knowledge, _ = first()
    frames = digit_images(SECOND_TASK, 20)
    scores = knowledge.score(frames)
    with torch.inference_mode():
        latents = knowledge.network.encode(frames).double()
    clusters = knowledge.mixture.posteriors(latents).argmax(1)
    assert torch.equal(scores.slots_N, clusters)
    expected = (latents - knowledge.feedback.modes_KL[clusters]).square().mean(1)
    torch.testing.assert_close(scores.dispersion_N, expected)
    assert torch.equal(scores.uncertain_N, expected > knowledge.feedback.threshold_K[clusters])


def test_nothing_can_be_scored_before_the_first_update():
    with pytest.raises(ValueError, match="before the first update"):
        PaperKnowledge.nothing(SETTINGS).score(digit_images(0, 1))


def test_following_moves_thresholds_by_the_rate_of_the_settings():
    knowledge, _ = first()
    scores = knowledge.score(digit_images(SECOND_TASK, 20))
    followed = knowledge.followed(scores, settings_with(threshold_rate=0.5), moves=True).feedback
    for k in torch.unique(scores.slots_N).tolist():
        moved = knowledge.feedback.recent_K[k] - scores.dispersion_N[scores.slots_N == k].mean()
        torch.testing.assert_close(followed.threshold_K[k], knowledge.feedback.threshold_K[k] + 0.5 * moved)


@pytest.mark.parametrize(("uncertain", "fires"), [(0, False), (6, False), (7, True)])
def test_a_micro_task_signals_above_the_rate_and_says_so(uncertain, fires):
    nothing = torch.zeros(10)
    scores = Scores(nothing, nothing, nothing, nothing, torch.arange(10) < uncertain)
    signal = rate_signal(scores, settings_with(paper_uncertain_rate=0.6))
    assert uncertain_rate(scores) == pytest.approx(uncertain / 10)
    assert (signal is not None) == fires
    if signal is not None:
        assert (signal.detector, signal.threshold, signal.frame) == ("uncertain_rate", 0.6, 9)
        assert signal.statistic == pytest.approx(0.7)


def test_images_of_the_workers_take_the_place_of_decoded_ones_of_their_cluster():
    known, _ = first()
    window = digit_images(SECOND_TASK, WINDOW)
    white = Generated(torch.ones(3, 3, 32, 32), torch.tensor([0, 0, 1]))
    one, report = learn(known, window)
    other, painted = learn(known, window, generated=white)
    assert painted.recalled_images == report.recalled_images == WINDOW
    assert not same(bits(one), bits(other))


def test_an_update_of_the_longest_interval_bears_nothing():
    known, _ = first()
    knowledge, report = learn(known, digit_images(SECOND_TASK, WINDOW), changed=False)
    assert (report.born, report.births_without_slot, report.cause) == ([], 0, "interval")
    assert knowledge.mixture.ids_K.tolist() == [0, 1]
