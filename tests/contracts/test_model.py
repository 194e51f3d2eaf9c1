"""What every `Model` keeps; a new one joins `METHODS`."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load, save

from learner.methods import method_of
from learner.model.contract import SyntheticImages, UpdateInputs, live_ids, score_images
from learner.model.words import Words
from learner.part import Saved
from learner.process import fix_threads
from tests.learner.model.paper.tiny import SETTINGS as PAPER
from tests.learner.small import SETTINGS as CLUSTERS
from tests.learner.small import digit_images, load_digits

METHODS = {"r2r": CLUSTERS, "paper": PAPER}
JOINING = CLUSTERS.model_copy(update={"clusters": CLUSTERS.clusters.model_copy(update={"merge_distance": 1e6})})
LIVES = METHODS | {"r2r whose clusters are all joined": JOINING}
WINDOW = 56
SECOND_TASK = 170  # where the stream has left its first two classes
THIRD_TASK = 330


def new_model(settings):
    fix_threads(1)
    return method_of(settings).new_model(settings)


def inputs_at(model, first, changed=True, frames=WINDOW):
    """Return a window of the stream, beside which as many images are rehearsed."""
    window, none = digit_images(first, frames), SyntheticImages.none(model.encoder.preprocessing)
    return UpdateInputs(window, window, frames, none, changed=changed)


def learn(model, inputs, seed=7):
    return model.learn(inputs, torch.Generator().manual_seed(seed))


def content(model):
    """Return all that a model holds."""
    saved = model.save()
    return json.dumps(saved.values, sort_keys=True), save(dict(saved.tensors))


def loaded(model, settings):
    """Return the model as a checkpoint brings it back."""
    values, tensors = content(model)
    return method_of(settings).load_model(Saved(json.loads(values), load(tensors)), settings)


def same(one, other):
    """Compare scores bit for bit."""
    return all(torch.equal(value, vars(other)[name]) for name, value in vars(one).items())


@pytest.fixture(scope="module", params=METHODS)
def settings(request):
    return METHODS[request.param]


@pytest.fixture(scope="module")
def new(settings):
    return new_model(settings)


@pytest.fixture(scope="module")
def known(new):
    return learn(new, inputs_at(new, 0))[0]


@pytest.fixture(scope="module")
def scores(known):
    return score_images(known, digit_images(SECOND_TASK, 24))


def test_before_the_first_update_it_has_not_learned_and_after_it_it_has(new, known):
    assert (new.traits.has_learned, known.traits.has_learned) == (False, True)
    assert live_ids(new) == []
    assert live_ids(known)
    assert replace(new.traits, has_learned=True) == known.traits


def test_before_the_first_update_there_is_nothing_to_score_and_nothing_to_serve(new):
    with pytest.raises(ValueError, match="before the first update"):
        score_images(new, digit_images(0, 2))
    with pytest.raises(ValueError, match="before the first update"):
        new.served()


def test_a_new_one_is_drawn_from_the_seed_and_leaves_torchs_own_draws_alone(settings, new):
    before = torch.get_rng_state()
    assert content(new_model(settings)) == content(new)
    assert content(new_model(settings.model_copy(update={"seed": 5}))) != content(new)
    assert torch.equal(torch.get_rng_state(), before)


def test_as_few_frames_as_it_says_are_enough_for_an_update(new):
    fewest = new.traits.fewest_frames
    model, report = learn(new, inputs_at(new, 0, frames=fewest))
    again, _ = learn(model, inputs_at(model, SECOND_TASK, frames=fewest))
    assert report.window_frames == fewest
    assert torch.isfinite(score_images(again, digit_images(0, 8)).excess_N).all()


def test_learning_leaves_the_model_that_learned_as_it_was(new, known):
    before = content(new), content(known)
    learn(new, inputs_at(new, 0))
    learn(known, inputs_at(known, SECOND_TASK))
    learn(known, inputs_at(known, 60, changed=False))
    assert (content(new), content(known)) == before


def test_scoring_following_and_serving_leave_the_model_as_it_was(known, scores):
    before = content(known)
    for moves in (True, False):
        known.follow(scores, moves=moves)
    score_images(known, digit_images(0, 4))
    head = known.served()
    head(known.encoder.served()(torch.zeros(1, 20, 20, 3, dtype=torch.uint8)))
    with torch.no_grad():
        for buffer in head.buffers():
            buffer.fill_(0.0)
    assert content(known) == before


def test_the_same_generator_learns_the_same_bits_and_another_others(known):
    inputs = inputs_at(known, SECOND_TASK)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, report = learn(known, inputs, seed=1)
    assert torch.equal(torch.get_rng_state(), state), "torch's own draws are neither read nor moved"
    torch.manual_seed(2)
    again, report_again = learn(known, inputs, seed=1)
    other, _ = learn(known, inputs, seed=2)
    assert content(one) == content(again)
    assert report == report_again
    assert content(one) != content(other)


def test_what_comes_of_a_model_is_of_its_own_class(known, scores):
    kind = type("Own", (type(known),), {})
    own = kind(**vars(known))
    assert type(own.follow(scores, moves=True)) is kind
    assert type(learn(own, inputs_at(own, SECOND_TASK))[0]) is kind


@pytest.mark.parametrize("life", LIVES)
def test_ids_are_of_one_cluster_each_and_never_given_twice(life):
    model, reports, lives = new_model(LIVES[life]), [], [set()]
    for seed, (first, changed) in enumerate([(0, True), (SECOND_TASK, True), (60, False), (THIRD_TASK, True)]):
        model, report = learn(model, inputs_at(model, first, changed=changed), seed)
        live = live_ids(model)
        assert model.ids_K.dtype == torch.int64
        assert len(live) == len(set(live)) == report.live_clusters
        assert set(model.ids_K.tolist()) <= {-1, *live}
        reports.append(report)
        lives.append(set(live))
    ever = set()
    for (before, after), report in zip(pairwise(lives), reports, strict=True):
        assert set(report.added) == after - before
        assert not (after - before) & ever, "an id that is gone does not come back"
        gone = {cluster for _, cluster in report.merged} | set(report.pruned)
        assert before - after <= gone
        ever |= after | gone
    assert len(ever) > 2


def test_a_live_cluster_stays_in_its_slot(known):
    learned, report = learn(known, inputs_at(known, SECOND_TASK))
    gone = {cluster for _, cluster in report.merged} | set(report.pruned)
    after = learned.ids_K.tolist()
    for slot, cluster in enumerate(known.ids_K.tolist()):
        assert cluster in {-1, *gone} or after[slot] == cluster


def test_scores_name_slots_of_live_clusters_and_measure_each_frame(known, scores):
    assert (known.ids_K[scores.slots_N] >= 0).all()
    assert {tuple(value.shape[:1]) for value in vars(scores).values()} == {(24,)}
    assert (scores.slots_N.dtype, scores.uncertain_N.dtype) == (torch.int64, torch.bool)
    assert (scores.dispersion_N >= 0).all()
    assert torch.isfinite(scores.excess_N).all()


def test_the_same_frames_are_scored_alike(known, scores):
    assert same(score_images(known, digit_images(SECOND_TASK, 24)), scores)


def test_frames_of_classes_that_it_has_not_learned_look_less_usual(known):
    before, after = (score_images(known, digit_images(first, 48)).excess_N.mean() for first in (60, SECOND_TASK))
    assert float(after) > float(before) + 0.5


def test_what_follows_moves_its_thresholds_and_where_it_must_not_no_cluster(known, scores):
    followed = known.follow(scores, moves=False)
    after = score_images(followed, digit_images(SECOND_TASK, 24))
    for name in ("coordinates_ND", "slots_N", "dispersion_N", "excess_N"):
        assert torch.equal(getattr(after, name), getattr(scores, name))
    assert content(followed) != content(known)
    assert torch.equal(followed.ids_K, known.ids_K)


def test_saved_and_loaded_it_goes_on_bit_for_bit(settings, known, scores):
    again = loaded(known, settings)
    assert type(again) is type(known)
    assert content(again) == content(known)
    assert same(score_images(again, digit_images(SECOND_TASK, 24)), scores)
    assert (again.traits, again.ids_K.tolist()) == (known.traits, known.ids_K.tolist())
    assert content(again.follow(scores, moves=True)) == content(known.follow(scores, moves=True))
    inputs = inputs_at(known, SECOND_TASK)
    assert content(learn(again, inputs)[0]) == content(learn(known, inputs)[0])


def test_saved_before_the_first_update_it_begins_alike(settings, new):
    again = loaded(new, settings)
    assert content(again) == content(new)
    assert again.traits == new.traits
    assert content(learn(again, inputs_at(again, 0))[0]) == content(learn(new, inputs_at(new, 0))[0])


def test_what_is_saved_shares_no_memory_with_the_model(known):
    before = content(known)
    with torch.no_grad():
        for tensor in known.save().tensors.values():
            tensor.zero_()
    assert content(known) == before


def test_what_is_served_agrees_with_its_scores(known):
    images_BHWC = torch.from_numpy(load_digits().test_images[:40])
    with torch.inference_mode():
        probabilities, ratio, latent = known.served()(known.encoder.served()(images_BHWC))
    scores = score_images(known, known.encoder.preprocessing(images_BHWC))
    slots, head = len(known.ids_K), known.served()
    assert (probabilities.shape, ratio.shape) == ((40, len(head.cluster_ids)), (40,))
    assert latent.shape == (40, head.latent_size)
    assert list(head.cluster_ids[:slots]) == known.ids_K.tolist()
    assert set(head.cluster_ids[slots:]) <= {-1}
    assert torch.equal(probabilities.argmax(1), scores.slots_N)
    assert torch.equal(ratio > 1, scores.uncertain_N)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(40))
    free = torch.tensor([cluster < 0 for cluster in head.cluster_ids])
    assert not probabilities[:, free].any()


def test_served_shapes_do_not_change_when_clusters_are_added(known):
    learned, report = learn(known, inputs_at(known, SECOND_TASK))
    assert report.added
    before, after = known.served(), learned.served()
    shapes = [{name: value.shape for name, value in head.state_dict().items()} for head in (before, after)]
    assert shapes[0] == shapes[1]
    assert len(before.cluster_ids) == len(after.cluster_ids)
    assert before.latent_size == after.latent_size


def test_what_a_labeller_says_counts_where_the_traits_say_so_and_nowhere_else(known):
    slots = len(known.ids_K)
    said = ["cat", "dog"] * (WINDOW // 2)
    words = Words.of(said, [""] * slots, [False] * slots)
    silent = inputs_at(known, SECOND_TASK)
    spoken = replace(silent, words=words)
    assert (content(learn(known, spoken)[0]) != content(learn(known, silent)[0])) is known.traits.uses_words


def test_a_generated_image_takes_the_place_of_a_rehearsed_one_of_its_cluster(known):
    without = inputs_at(known, SECOND_TASK)
    white = SyntheticImages(torch.ones(3, *without.window_WCSS.shape[1:]), torch.tensor([0, 0, 1]))
    one, report = learn(known, without)
    other, generated = learn(known, replace(without, generated=white))
    assert generated.recalled_images == report.recalled_images == WINDOW
    assert generated.images_backpropagated == report.images_backpropagated
    assert content(one) != content(other)
