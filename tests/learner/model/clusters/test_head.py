from dataclasses import replace

import pytest
import torch

from learner.model.clusters.model import ClusterModel
from learner.model.contract import score_images
from tests.learner.small import PREPROCESSING, digits_log, load_digits, run_through


@pytest.fixture(scope="module")
def model() -> ClusterModel:
    return run_through(digits_log(224))[0].model


def answered(model, images_BHWC):
    with torch.inference_mode():
        return model.served()(model.encoder.served()(images_BHWC))


def test_images_give_what_the_model_gives_in_single_precision(model):
    images_BHWC = torch.from_numpy(load_digits().test_images[:60])
    probabilities, ratio, points = answered(model, images_BHWC)
    prepared = PREPROCESSING(images_BHWC)
    coordinates = model.coordinates(model.encoder.embed(prepared))
    scores = score_images(model, prepared)
    torch.testing.assert_close(probabilities.double(), model.mixture.probabilities(coordinates), atol=1e-5, rtol=0)
    assert torch.equal(probabilities.argmax(1), scores.slots_N)
    threshold = model.uncertainty.threshold_K[scores.slots_N]
    torch.testing.assert_close(ratio.double(), scores.dispersion_N / threshold, atol=1e-5, rtol=1e-5)
    assert torch.equal(ratio > 1, scores.uncertain_N)
    torch.testing.assert_close(points.double(), model.mixture.whiten(coordinates), atol=1e-4, rtol=1e-4)


def test_dead_slots_are_never_likely(model):
    images = torch.randint(0, 256, (8, 40, 30, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    probabilities, _, _ = answered(model, images)
    assert probabilities[:, ~model.mixture.live_K].max() == 0
    torch.testing.assert_close(probabilities.sum(1), torch.ones(8))


def test_a_new_cluster_changes_buffers_and_no_shape(model):
    grown = replace(model, mixture=model.mixture.with_added(model.mixture.means_KD[:1] + 3))
    before, after = (one.served().state_dict() for one in (model, grown))
    shapes = [{name: value.shape for name, value in state.items()} for state in (before, after)]
    assert shapes[0] == shapes[1]
    assert not torch.equal(before["live_K"], after["live_K"])


def test_what_is_served_shares_no_memory_with_the_model(model):
    head = model.served()
    assert head.get_buffer("threshold_K").data_ptr() != model.uncertainty.threshold_K.data_ptr()
    assert head.get_buffer("modes_KD").data_ptr() != model.uncertainty.modes_KD.data_ptr()
