"""The published model as it is served: as the model in single precision, and as an exported graph."""

import pytest
import torch

from deploy.publish.gates import check_candidate
from deploy.publish.served_graph import export_template, run_module, served_graph
from learner.methods import preprocessing_of
from learner.model.contract import score_images
from tests.learner.model.paper.tiny import PAPER, SETTINGS
from tests.learner.small import digits_log, load_digits, run_through

TOLERANCE = 1e-4


def learned(covariance="tied", frames=96):
    paper = PAPER.model_copy(update={"covariance": covariance})
    return run_through(digits_log(frames), SETTINGS.model_copy(update={"paper": paper}))[0]


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_images_give_what_the_model_gives_in_single_precision(covariance):
    model = learned(covariance).model
    images_BHWC = torch.from_numpy(load_digits().test_images[:40])
    with torch.inference_mode():
        probabilities, ratio, latents = model.served()(model.encoder.served()(images_BHWC))
    prepared = preprocessing_of(SETTINGS)(images_BHWC)
    scores = score_images(model, prepared)
    expected = model.mixture.posteriors(model.encoder.embed(prepared))
    count = model.mixture.live_clusters
    torch.testing.assert_close(probabilities[:, :count].double(), expected, atol=TOLERANCE, rtol=0)
    assert probabilities[:, count:].abs().max() == 0
    ratios = scores.dispersion_N / model.feedback.threshold_K[scores.slots_N]
    alike = probabilities.argmax(1) == scores.slots_N
    torch.testing.assert_close(ratio.double()[alike], ratios[alike], atol=1e-5, rtol=1e-5)
    assert latents.shape == (40, model.encoder.network.latent_width)


def test_a_later_version_is_the_same_graph_with_other_values_and_passes_the_gates():
    first, later = served_graph(learned(frames=64)), served_graph(learned(frames=320))
    assert first.structure == later.structure
    assert first.table.live_classes < later.table.live_classes
    model = export_template(first).filled(later.values, later.table.names_K)
    report = check_candidate(model, lambda images: run_module(later, images), TOLERANCE)
    assert report.difference <= TOLERANCE
