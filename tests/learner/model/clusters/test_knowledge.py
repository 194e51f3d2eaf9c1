import pytest
import torch
from learner.model.clusters.knowledge import Knowledge

from tests.learner.small import SETTINGS, digit_images, digits_log, run_through


def test_a_new_network_is_drawn_from_the_seed_and_leaves_torchs_own_alone():
    torch.manual_seed(9)
    before = torch.get_rng_state()
    one, same, other = (
        Knowledge.nothing(SETTINGS.model_copy(update={"seed": seed})).network.decoder_image.weight for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_before_the_first_update_there_is_nothing_to_score_with():
    with pytest.raises(ValueError, match="before the first update"):
        Knowledge.nothing(SETTINGS).score(digit_images(0, 2))


def test_scores_are_of_live_clusters_and_uncertain_above_their_threshold():
    knowledge = run_through(digits_log(64))[0].knowledge
    scores = knowledge.score(digit_images(100, 40))
    assert set(scores.slots_N.tolist()) <= {0, 1}
    threshold = knowledge.uncertainty.threshold_K[scores.slots_N]
    assert torch.equal(scores.uncertain_N, scores.dispersion_N > threshold)


def test_a_frame_is_scored_alike_alone_and_among_others():
    knowledge = run_through(digits_log(64))[0].knowledge
    images = digit_images(100, 20)
    together = knowledge.score(images)
    alone = [knowledge.score(images[n : n + 1]) for n in range(20)]
    torch.testing.assert_close(
        torch.cat([score.dispersion_N for score in alone]), together.dispersion_N, atol=1e-4, rtol=1e-4
    )
    assert torch.equal(torch.cat([score.slots_N for score in alone]), together.slots_N)


def test_scores_have_the_same_bits_however_the_images_lie_in_memory():
    knowledge = run_through(digits_log(64))[0].knowledge
    images = digit_images(100, 20)
    planes = knowledge.score(images.contiguous())
    colours = knowledge.score(images.contiguous(memory_format=torch.channels_last))
    assert torch.equal(planes.dispersion_N, colours.dispersion_N)
