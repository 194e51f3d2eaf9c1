import pytest
import torch
from learner.intake.preprocess import resize
from learner.model.clusters.classifier import Classifier
from learner.model.clusters.knowledge import Knowledge

from learner.model.encoders.autoencoder import in_batches
from tests.learner.small import SETTINGS, digits_log, load_digits, run_through


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return run_through(digits_log(224))[0].knowledge


def test_images_give_what_the_knowledge_gives_in_single_precision(knowledge):
    images_BHWC = torch.from_numpy(load_digits().test_images[:60])
    with torch.inference_mode():
        probabilities, ratio, points = Classifier(knowledge, SETTINGS)(images_BHWC)
    prepared = resize(images_BHWC, SETTINGS.input_size, SETTINGS.aspect)
    coordinates = knowledge.projection.forward(in_batches(knowledge.network.encode, prepared))
    scores = knowledge.score(prepared)
    torch.testing.assert_close(probabilities.double(), knowledge.mixture.probabilities(coordinates), atol=1e-5, rtol=0)
    assert torch.equal(probabilities.argmax(1), scores.slots_N)
    threshold = knowledge.uncertainty.threshold_K[scores.slots_N]
    torch.testing.assert_close(ratio.double(), scores.dispersion_N / threshold, atol=1e-5, rtol=1e-5)
    assert torch.equal(ratio > 1, scores.uncertain_N)
    # The learner whitens points as they are, the classifier after centring; both differ by one constant.
    offset = knowledge.mixture.whiten(coordinates) - points
    torch.testing.assert_close(offset, torch.zeros_like(offset), atol=1e-4, rtol=1e-4)


def test_dead_slots_are_never_likely(knowledge):
    images = torch.randint(0, 256, (8, 40, 30, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        probabilities, _, _ = Classifier(knowledge, SETTINGS)(images)
    assert probabilities[:, ~knowledge.mixture.live_K].max() == 0
    torch.testing.assert_close(probabilities.sum(1), torch.ones(8))


def test_a_birth_changes_buffers_and_no_shape(knowledge):
    born = Knowledge(
        knowledge.network,
        knowledge.projection,
        knowledge.mixture.born(knowledge.mixture.means_KD[:1] + 3),
        knowledge.uncertainty,
    )
    before, after = (Classifier(known, SETTINGS).state_dict() for known in (knowledge, born))
    shapes = [{name: value.shape for name, value in state.items()} for state in (before, after)]
    assert shapes[0] == shapes[1]
    assert not torch.equal(before["live_K"], after["live_K"])


def test_later_learning_does_not_reach_into_a_classifier(knowledge):
    classifier = Classifier(knowledge, SETTINGS)
    ids = classifier.get_buffer("ids_K")
    assert ids.data_ptr() != knowledge.mixture.ids_K.data_ptr()
    assert classifier.get_buffer("threshold_K").data_ptr() != knowledge.uncertainty.threshold_K.data_ptr()


def test_before_the_first_update_there_is_nothing_to_serve():
    with pytest.raises(ValueError, match="before the first update"):
        Classifier(Knowledge.nothing(SETTINGS), SETTINGS)
