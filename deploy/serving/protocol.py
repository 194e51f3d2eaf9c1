"""The Open Inference Protocol v2 over REST, JSON only: what comes and what goes, to and from bytes.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from deploy.registry.served_contract import COLOURS, INPUT, OUTPUT_NAMES, OUTPUTS, Prediction, TensorSpec
from deploy.serving.errors import InvalidRequest, InvalidTensor

_DATATYPES = {output.name: output.datatype for output in OUTPUTS}
_LARGEST_VALUE = 255


@dataclass(frozen=True)
class InferRequest:
    """A batch of images of one size and the outputs that are wanted."""

    id: str | None
    """Echoed in the response; None where the client sent none."""
    images: npt.NDArray[np.uint8]
    """[batch, height, width, 3]."""
    outputs: tuple[str, ...] = OUTPUT_NAMES
    """Names of the served contract, in the order in which they are answered."""

    @classmethod
    def from_bytes(cls, body: bytes, max_batch_images: int) -> Self:
        """Read a JSON request.

        Raises
        ------
        InvalidRequest
            The body is not the protocol's JSON.
        InvalidTensor
            A tensor's name, datatype, shape or data is not what the model takes or gives.
        """
        document = _document(body)
        request_id = document.get("id")
        if request_id is not None and not isinstance(request_id, str):
            message = f"'id' is {_shown(request_id)}; send a string or leave it out"
            raise InvalidRequest(message)
        images = _images(_objects(document, "inputs"), max_batch_images)
        asked = _objects(document, "outputs") if document.get("outputs") else []
        return cls(request_id, images, tuple(_output_name(output) for output in asked) or OUTPUT_NAMES)


@dataclass(frozen=True)
class InferResponse:
    """The answer to one request."""

    model: str
    version: int
    id: str | None
    prediction: Prediction
    outputs: tuple[str, ...] = OUTPUT_NAMES

    def to_bytes(self) -> bytes:
        """Write the response; arrays are flat, row by row."""
        body: dict[str, Any] = {"model_name": self.model, "model_version": str(self.version)}
        if self.id is not None:
            body["id"] = self.id
        body["outputs"] = [_rendered(name, self.prediction.tensor(name)) for name in self.outputs]
        return to_json(body)


def to_json(body: object) -> bytes:
    """Write any answer of the protocol."""
    return json.dumps(body, separators=(",", ":")).encode()


def error_body(message: str) -> bytes:
    """Write the protocol's error body.

    Examples
    --------
    >>> error_body("there is no such model")
    b'{"error":"there is no such model"}'
    """
    return to_json({"error": message})


def model_metadata(model: str, versions: Sequence[int], latent_size: int) -> bytes:
    """Write a model's metadata."""
    return to_json(
        {
            "name": model,
            "versions": [str(version) for version in versions],
            "platform": "onnxruntime_onnx",
            "inputs": [_described(INPUT, latent_size)],
            "outputs": [_described(output, latent_size) for output in OUTPUTS],
        }
    )


def _document(body: bytes) -> dict[str, Any]:
    if not body:
        message = "the body is empty; send an Open Inference Protocol request as JSON, or the bytes of an image"
        raise InvalidRequest(message)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        message = f"the body is not JSON ({error}); send an Open Inference Protocol request"
        raise InvalidRequest(message) from error
    if not isinstance(document, dict):
        message = f"the body is {_shown(document)}; send a JSON object with 'inputs'"
        raise InvalidRequest(message)
    return document


def _objects(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = document.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        message = f"{key!r} is {_shown(value)}; send a list of tensors, each an object with 'name'"
        raise InvalidRequest(message)
    return value


def _images(inputs: list[dict[str, Any]], max_batch_images: int) -> npt.NDArray[np.uint8]:
    names = [entry.get("name") for entry in inputs]
    if names != [INPUT.name]:
        message = f"the inputs are named {_shown(names)}; send exactly one, {INPUT.name!r}"
        raise InvalidRequest(message)
    tensor = inputs[0]
    if tensor.get("datatype") != INPUT.datatype:
        raise InvalidTensor(INPUT.name, f"datatype {_shown(tensor.get('datatype'))}", INPUT.datatype)
    shape = _shape(tensor.get("shape"))
    if shape[0] > max_batch_images:
        raise InvalidTensor(INPUT.name, f"a batch of {shape[0]}", f"at most {max_batch_images} images at once")
    if "data" not in tensor:
        raise InvalidTensor(INPUT.name, "no 'data'", "the values as JSON (binary tensors are not read)")
    return _values(tensor["data"], shape).reshape(shape)


def _shape(shape: Any) -> tuple[int, ...]:
    rank = len(INPUT.shape)
    whole = isinstance(shape, list) and len(shape) == rank and all(type(size) is int and size > 0 for size in shape)
    if not whole or shape[-1] != COLOURS:
        raise InvalidTensor(INPUT.name, f"shape {_shown(shape)}", f"[batch, height, width, {COLOURS}], all above 0")
    return tuple(shape)


def _values(data: Any, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    try:
        values = np.asarray(data)
    except ValueError as error:
        raise InvalidTensor(INPUT.name, "ragged data", f"rows of equal length, for shape {list(shape)}") from error
    if values.size != math.prod(shape):
        raise InvalidTensor(INPUT.name, f"{values.size} values", f"the {math.prod(shape)} of shape {list(shape)}")
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > _LARGEST_VALUE:
        raise InvalidTensor(INPUT.name, "data that are not all whole numbers from 0 to 255", "UINT8 values")
    return values.astype(np.uint8)


def _output_name(output: dict[str, Any]) -> str:
    name = output.get("name")
    if not isinstance(name, str) or name not in OUTPUT_NAMES:
        raise InvalidTensor(_shown(name), "an output that the model does not have", f"any of {', '.join(OUTPUT_NAMES)}")
    return name


def _rendered(name: str, values: npt.NDArray[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "datatype": _DATATYPES[name],
        "shape": list(values.shape),
        "data": values.ravel().tolist(),
    }


def _described(tensor: TensorSpec, latent_size: int) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.sizes(latent_size))}


def _shown(value: Any) -> str:
    """Write what came so that it fits a sentence, whatever came."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004
