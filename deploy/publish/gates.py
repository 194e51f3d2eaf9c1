"""What a candidate must show before it is served.

Axes: B images, H × W pixels, C = 3 channels.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from deploy.publish.errors import CandidateRefused, OutputsNotFinite, ParityFailed
from deploy.registry.served_contract import Prediction
from deploy.serving.errors import InvalidGraph
from deploy.serving.inference_session import InferenceSession

_NOT_ONNX = (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError)
Images = npt.NDArray[np.uint8]
Reference = Callable[[Images], Mapping[str, npt.NDArray[Any]]]
_PROBE_SIZES = ((32, 32), (28, 28), (48, 64), (17, 29), (96, 40))
_PROBES_OF_A_SIZE = 4
_PROBABILITIES = ("probability", "top_probabilities")
_NUMBERS = ("probability", "uncertainty", "top_probabilities", "latent")
_UNCERTAINTY_TOLERANCE = 1e-3  # relative above 1, absolute below
_CLEAR_MARGIN = 10  # times the tolerance: a lead so small that rounding may turn it is no class that differs


@dataclass(frozen=True)
class GateReport:
    """What the gates saw: images compared, and the largest difference between the probabilities."""

    probes: int
    difference: float


def check_candidate(model_bytes: bytes, reference: Reference, tolerance: float) -> GateReport:
    """Let a candidate through, or say why not.

    1. `check_graph`    a valid ONNX file that stands alone and has the served contract
    2. `check_finite`   every number of every answer
    3. `check_parity`   with the module it was exported from, on seeded images of several sizes

    Raises
    ------
    CandidateRefused
        With its reason and evidence.
    """
    session = check_graph(model_bytes)
    difference, probes, differ = 0.0, 0, Counter[str]()
    for images in probe_images():
        answer, expected = session.run(images), reference(images)
        check_finite(answer)
        difference = float(np.maximum(difference, _difference(answer, expected)))  # a NaN stays one
        differ.update(_answers_that_differ(answer, expected, tolerance))
        probes += len(images)
    check_parity(difference, differ, tolerance)
    return GateReport(probes, difference)


def check_graph(model_bytes: bytes) -> InferenceSession:
    """Return a session on the CPU; raise CandidateRefused where the file cannot be served."""
    try:
        onnx.checker.check_model(model_bytes, full_check=True)
        _check_stands_alone(onnx.load_from_string(model_bytes))
        return InferenceSession.load(model_bytes, "cpu", threads=1)
    except (*_NOT_ONNX, InvalidGraph) as error:
        cause = " ".join(str(error).split())
        message = f"the exported graph is not valid: {cause}; delete the registry's templates and publish again"
        raise CandidateRefused(message, reason="invalid_graph", evidence={"cause": cause[:500]}) from error


def check_finite(answer: Prediction) -> None:
    """Raise OutputsNotFinite where a number is NaN or infinite."""
    bad = [name for name in _NUMBERS if not np.isfinite(answer.tensor(name)).all()]
    if bad:
        raise OutputsNotFinite(bad)


def check_parity(difference: float, differ: Mapping[str, int], tolerance: float) -> None:
    """Raise ParityFailed where ONNX Runtime and PyTorch do not give the same answer."""
    if not difference <= tolerance or any(differ.values()):
        raise ParityFailed(difference, differ, tolerance)


def probe_images() -> Iterator[Images]:
    """Yield seeded batches [B, H, W, C] of several sizes: noise, and smooth images as cameras give them."""
    rng = np.random.default_rng(0)
    for height, width in _PROBE_SIZES:
        noise = rng.integers(0, 256, (_PROBES_OF_A_SIZE // 2, height, width, 3), dtype=np.uint8)
        coarse = rng.integers(0, 256, (_PROBES_OF_A_SIZE // 2, 4, 4, 3)).astype(np.float64)
        rows, columns = np.linspace(0, 3, height), np.linspace(0, 3, width)
        smooth = _between(_between(coarse, rows, axis=1), columns, axis=2)
        yield np.concatenate([noise, smooth.round().astype(np.uint8)])


def _between(values: npt.NDArray[np.float64], at: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    """Interpolate linearly along one axis."""
    below = np.minimum(np.floor(at).astype(np.int64), values.shape[axis] - 2)
    shape = [1] * values.ndim
    shape[axis] = len(at)
    share = (at - below).reshape(shape)
    between: npt.NDArray[np.float64] = values.take(below, axis) * (1 - share) + values.take(below + 1, axis) * share
    return between


def _difference(answer: Prediction, expected: Mapping[str, npt.NDArray[Any]]) -> float:
    return float(np.max([np.abs(answer.tensor(name) - expected[name]).max() for name in _PROBABILITIES]))


def _answers_that_differ(
    answer: Prediction, expected: Mapping[str, npt.NDArray[Any]], tolerance: float
) -> dict[str, int]:
    """Count, among images whose class is clear, classes and uncertainties that differ; and names, of all."""
    best_B5 = expected["top_probabilities"]
    clear_B = best_B5[:, 0] - best_B5[:, 1] > _CLEAR_MARGIN * tolerance
    uncertainty_B = expected["uncertainty"]
    allowed_B = _UNCERTAINTY_TOLERANCE * np.maximum(1.0, np.abs(uncertainty_B))
    close_B = np.abs(answer.uncertainty - uncertainty_B) <= allowed_B  # a NaN is not close
    same_B5 = answer.top_ids == expected["top_ids"]
    names_B5 = same_B5 & (answer.top_names != expected["top_names"])
    names_B = (answer.class_id == expected["class_id"]) & (answer.name != expected["name"])
    return {
        "classes": int((clear_B & (answer.class_id != expected["class_id"])).sum()),
        "uncertainties": int((clear_B & ~close_B).sum()),
        "names": int((names_B | names_B5.any(axis=1)).sum()),
    }


def _check_stands_alone(model: onnx.ModelProto) -> None:
    outside = [tensor.name for tensor in model.graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        cause = f"{outside[0]!r} lies in another file"
        raise InvalidGraph(cause)
