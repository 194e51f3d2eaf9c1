import pytest
import torch

from learner.model.clusters.model import ClusterModel
from learner.model.contract import score_images
from tests.learner.small import SETTINGS, digit_images, digits_log, run_through


@pytest.fixture(scope="module")
def model() -> ClusterModel:
    return run_through(digits_log(64))[0].model


def test_scores_are_of_live_clusters_and_uncertain_above_their_threshold(model):
    scores = score_images(model, digit_images(100, 40))
    assert set(scores.slots_N.tolist()) <= {0, 1}
    threshold = model.uncertainty.threshold_K[scores.slots_N]
    assert torch.equal(scores.uncertain_N, scores.dispersion_N > threshold)


def test_a_frame_is_scored_alike_alone_and_among_others(model):
    images = digit_images(100, 20)
    together = score_images(model, images)
    alone = [score_images(model, images[n : n + 1]) for n in range(20)]
    torch.testing.assert_close(
        torch.cat([score.dispersion_N for score in alone]), together.dispersion_N, atol=1e-4, rtol=1e-4
    )
    assert torch.equal(torch.cat([score.slots_N for score in alone]), together.slots_N)


def test_scores_have_the_same_bits_however_the_images_lie_in_memory(model):
    images = digit_images(100, 20)
    planes = score_images(model, images.contiguous())
    colours = score_images(model, images.contiguous(memory_format=torch.channels_last))
    assert torch.equal(planes.dispersion_N, colours.dispersion_N)


def test_going_back_gives_no_latent_that_the_encoder_could_not_give(model):
    far = torch.full((1, SETTINGS.clusters.projection_dimensions), -100.0, dtype=torch.float64)
    latents = model.latents_of(far)
    assert latents.dtype == torch.float32
    assert float(latents.min()) >= model.encoder.least_latent


def test_what_points_are_there_and_back_is_where_they_were(model):
    latents = model.encoder.embed(digit_images(100, 20))
    coordinates = model.coordinates(latents)
    assert coordinates.dtype == torch.float64
    torch.testing.assert_close(model.projection.forward(model.projection.backward(coordinates)), coordinates)
