"""The published model as it is served: as the knowledge in single precision, and as an exported graph."""

import pytest
import torch
from learner.intake.preprocess import resize
from learner.model.clusters.classifier import Classifier, classifier_of
from learner.model.paper.classifier import PaperClassifier

from deploy.publish.gates import check_candidate
from deploy.publish.served_graph import export_template, run_module, served_graph
from learner.model.encoders.autoencoder import in_batches
from learner.settings import LearnerSettings
from learner.state import LearnerState
from tests.learner.model.paper.tiny import SETTINGS
from tests.learner.small import SETTINGS as OURS
from tests.learner.small import digits_log, load_digits, run_through

TOLERANCE = 1e-4


def settings_with(covariance):
    return LearnerSettings(**SETTINGS.model_dump() | {"paper_covariance": covariance, "paper_covariance_floor": 0.1})


def learned(covariance="tied", frames=96):
    return run_through(digits_log(frames), settings_with(covariance))[0]


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_images_give_what_the_knowledge_gives_in_single_precision(covariance):
    knowledge = learned(covariance).knowledge
    images_BHWC = torch.from_numpy(load_digits().test_images[:40])
    with torch.inference_mode():
        probabilities, ratio, latents = PaperClassifier(knowledge, settings_with(covariance))(images_BHWC)
    prepared = resize(images_BHWC, SETTINGS.input_size, SETTINGS.aspect)
    scores = knowledge.score(prepared)
    expected = knowledge.mixture.posteriors(in_batches(knowledge.network.encode, prepared))
    count = knowledge.mixture.live_clusters
    torch.testing.assert_close(probabilities[:, :count].double(), expected, atol=TOLERANCE, rtol=0)
    assert probabilities[:, count:].abs().max() == 0
    ratios = scores.dispersion_N / knowledge.feedback.threshold_K[scores.slots_N]
    alike = probabilities.argmax(1) == scores.slots_N
    torch.testing.assert_close(ratio.double()[alike], ratios[alike], atol=1e-5, rtol=1e-5)
    assert latents.shape == (40, knowledge.network.latent_width)


def test_the_settings_method_decides_which_model_is_served():
    assert isinstance(classifier_of(learned().knowledge, SETTINGS), PaperClassifier)
    assert isinstance(classifier_of(run_through(digits_log(48), OURS)[0].knowledge, OURS), Classifier)


def test_nothing_can_be_served_before_the_first_update():
    with pytest.raises(ValueError, match="before the first update"):
        classifier_of(LearnerState.new(SETTINGS).knowledge, SETTINGS)


def test_a_later_version_is_the_same_graph_with_other_values_and_passes_the_gates():
    first, later = served_graph(learned(frames=64)), served_graph(learned(frames=320))
    assert first.structure == later.structure
    assert (first.classifier.get_buffer("ids_K") >= 0).sum() < (later.classifier.get_buffer("ids_K") >= 0).sum()
    model = export_template(first).filled(later.values, later.table.names_K)
    report = check_candidate(model, lambda images: run_module(later, images), TOLERANCE)
    assert report.difference <= TOLERANCE
