"""What a candidate must show: each gate refuses what it is there for, with its evidence."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from deploy.publish.errors import CandidateRefused, OutputsNotFinite, ParityFailed
from deploy.publish.gates import Images, check_candidate, probe_images
from deploy.serving.inference_session import InferenceSession
from tests.deploy.tiny_model import tiny_model

TOLERANCE = 1e-4
Answers = dict[str, npt.NDArray[Any]]


class Twin:
    """A reference that answers as the tiny model does, but for what the test changes."""

    def __init__(self, model_bytes: bytes) -> None:
        self._session = InferenceSession.load(model_bytes, "cpu", threads=1)
        self.probability_error = 0.0
        self.class_shift = 0
        self.uncertainty_factor = 1.0
        self.name_suffix = ""

    def __call__(self, images: Images) -> Answers:
        answer = self._session.run(images)
        return {
            "class_id": answer.class_id + self.class_shift,
            "probability": answer.probability + self.probability_error,
            "top_probabilities": answer.top_probabilities,
            "top_ids": answer.top_ids,
            "uncertainty": answer.uncertainty * self.uncertainty_factor,
            "name": answer.name + self.name_suffix,
            "top_names": answer.top_names + self.name_suffix,
        }


@pytest.fixture
def twin() -> Twin:
    return Twin(tiny_model())


def test_a_faithful_candidate_passes_with_the_difference_as_evidence(twin: Twin) -> None:
    assert check_candidate(tiny_model(), twin, TOLERANCE).difference == 0.0


def test_probabilities_that_differ_are_refused(twin: Twin) -> None:
    twin.probability_error = 3e-4
    with pytest.raises(ParityFailed, match=r"differs from PyTorch by 3.00e-04") as refused:
        check_candidate(tiny_model(), twin, TOLERANCE)
    assert refused.value.reason == "parity"
    assert refused.value.evidence["difference"] == pytest.approx(3e-4, rel=1e-3)


def test_a_difference_that_is_no_number_is_refused(twin: Twin) -> None:
    twin.probability_error = float("nan")
    with pytest.raises(ParityFailed):
        check_candidate(tiny_model(), twin, TOLERANCE)


def test_classes_that_differ_are_refused_even_with_equal_probabilities(twin: Twin) -> None:
    twin.class_shift = 1
    with pytest.raises(ParityFailed, match="in 20 classes"):
        check_candidate(tiny_model(), twin, TOLERANCE)


def test_wrong_modes_or_thresholds_are_refused_though_classes_and_probabilities_agree(twin: Twin) -> None:
    twin.uncertainty_factor = 1.01
    with pytest.raises(ParityFailed, match="in 0 classes, 20 uncertainties, 0 names") as refused:
        check_candidate(tiny_model(), twin, TOLERANCE)
    assert refused.value.evidence["uncertainties_differ"] > 0


def test_an_uncertainty_that_rounding_explains_passes(twin: Twin) -> None:
    twin.uncertainty_factor = 1.0001
    assert check_candidate(tiny_model(), twin, TOLERANCE).difference <= TOLERANCE


def test_wrong_names_are_refused(twin: Twin) -> None:
    twin.name_suffix = "s"
    with pytest.raises(ParityFailed, match="0 classes, 0 uncertainties, 20 names"):
        check_candidate(tiny_model(), twin, TOLERANCE)


def _with_weights(weights: npt.NDArray[np.float32]) -> bytes:
    model = onnx.load_from_string(tiny_model())
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "weights"))
    return model.SerializeToString()


def test_an_answer_that_is_not_finite_is_refused() -> None:
    broken = _with_weights(np.full((3, 6), np.nan, np.float32))
    with pytest.raises(OutputsNotFinite, match="probability") as refused:
        check_candidate(broken, Twin(broken), TOLERANCE)
    assert "top_probabilities" in refused.value.evidence["outputs"]


def _with_external_data() -> bytes:
    model = onnx.load_from_string(tiny_model())
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="weights.bin")
    return model.SerializeToString()


@pytest.mark.parametrize("model_bytes", [b"", b"no graph", _with_external_data()], ids=["empty", "text", "external"])
def test_a_file_that_is_no_graph_or_does_not_stand_alone_is_refused(twin: Twin, model_bytes: bytes) -> None:
    with pytest.raises(CandidateRefused, match="not valid") as refused:
        check_candidate(model_bytes, twin, TOLERANCE)
    assert refused.value.reason == "invalid_graph"
    assert "\n" not in str(refused.value)


def test_probes_have_several_sizes_are_seeded_and_not_all_noise() -> None:
    first, second = list(probe_images()), list(probe_images())
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(images.shape[1] != images.shape[2] for images in first)
    steps = [np.abs(np.diff(images[-1].astype(int), axis=0)).mean() for images in first]
    assert max(steps) < 40
