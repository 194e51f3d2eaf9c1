"""The protocol's JSON: what is read, and how what cannot be read is refused."""

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.registry.served_contract import OUTPUT_NAMES
from deploy.serving.errors import InvalidRequest, InvalidTensor
from deploy.serving.inference_session import InferenceSession
from deploy.serving.protocol import InferRequest, InferResponse, model_metadata
from tests.deploy.tiny_model import tiny_model

IMAGES = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)


def _request(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "images", "shape": [2, 3, 4, 3], "datatype": "UINT8", "data": IMAGES.ravel().tolist()}
    return {"inputs": [tensor | changes]}


def _read(document: object) -> InferRequest:
    return InferRequest.from_bytes(json.dumps(document).encode(), max_batch_images=4)


@pytest.mark.parametrize("data", [IMAGES.ravel().tolist(), IMAGES.tolist()], ids=["flat", "nested"])
def test_data_may_be_flat_or_nested(data: list[Any]) -> None:
    request = _read(_request(data=data))
    np.testing.assert_array_equal(request.images, IMAGES)
    assert request.images.dtype == np.uint8
    assert request.id is None
    assert request.outputs == OUTPUT_NAMES


def test_id_and_outputs_are_taken_in_the_order_they_come() -> None:
    request = _read({"id": "17", **_request(), "outputs": [{"name": "name"}, {"name": "class_id"}]})
    assert request.id == "17"
    assert request.outputs == ("name", "class_id")


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"name": "pixels"}, r'named \["pixels"\]; send exactly one'),
        ({"datatype": "FP32"}, 'datatype "FP32" came; send UINT8'),
        ({"shape": [2, 3, 4]}, r"shape \[2, 3, 4\]"),
        ({"shape": [2, 3, 4, 1]}, r"shape \[2, 3, 4, 1\]"),
        ({"shape": [0, 3, 4, 3], "data": []}, "all above 0"),
        ({"shape": [-2, -3, 4, 3]}, "all above 0"),
        ({"shape": [True, 3, 4, 3]}, "shape"),
        ({"shape": None}, "shape null"),
        ({"shape": [5, 3, 4, 3]}, "a batch of 5 came; send at most 4"),
        ({"shape": [2, 3, 5, 3]}, "72 values came; send the 90 of shape"),
        ({"data": [[1, 2], [3]]}, "ragged"),
        ({"data": "AAAA"}, "values came"),
        ({"data": None}, "values came"),
        ({"data": [256] * 72}, "whole numbers from 0 to 255"),
        ({"data": [-1] * 72}, "whole numbers from 0 to 255"),
        ({"data": [0.5] * 72}, "whole numbers from 0 to 255"),
        ({"data": ["a"] * 72}, "whole numbers from 0 to 255"),
        ({"data": [10**30] * 72}, "whole numbers from 0 to 255"),
    ],
)
def test_a_wrong_tensor_is_reported_with_what_came_and_what_to_send(changes: dict[str, Any], cause: str) -> None:
    with pytest.raises(InvalidRequest, match=cause):
        _read(_request(**changes))


def test_binary_tensors_are_refused_in_words() -> None:
    document = _request(parameters={"binary_data_size": 72})
    del document["inputs"][0]["data"]
    with pytest.raises(InvalidTensor, match="binary tensors are not read"):
        _read(document)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "the body is empty"),
        (b"hello", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "send a JSON object"),
        (b"{}", "'inputs' is null"),
        (b'{"inputs": [3]}', "send a list of tensors"),
        (b'{"inputs": []}', r"named \[\]"),
        (b'{"id": 3, "inputs": []}', "'id' is 3"),
    ],
)
def test_a_body_that_is_no_request_is_reported(body: bytes, cause: str) -> None:
    with pytest.raises(InvalidRequest, match=cause):
        InferRequest.from_bytes(body, max_batch_images=4)


def test_an_output_that_the_model_does_not_have_is_reported() -> None:
    with pytest.raises(InvalidTensor, match="does not have came; send any of class_id"):
        _read({**_request(), "outputs": [{"name": "logits"}]})


_keys = ("name", "shape", "datatype", "data")
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(tensor=st.fixed_dictionaries({}, optional=dict.fromkeys(_keys, _json)), rest=_json)
def test_whatever_comes_is_read_or_refused_in_words(tensor: dict[str, Any], rest: Any) -> None:
    for document in (rest, {"inputs": rest}, {**_request(), "outputs": rest}, _request(**tensor)):
        read = None
        with contextlib.suppress(InvalidRequest):
            read = _read(document)
        assert read is None or 0 < len(read.images) <= 4


def test_a_response_has_the_protocol_s_form() -> None:
    prediction = InferenceSession.load(tiny_model("v7"), "cpu", threads=1).run(IMAGES)
    body = json.loads(InferResponse("digits", 7, "17", prediction).to_bytes())
    assert body["model_name"] == "digits"
    assert body["model_version"] == "7"
    assert body["id"] == "17"
    assert [output["name"] for output in body["outputs"]] == list(OUTPUT_NAMES)
    by_name = {output["name"]: output for output in body["outputs"]}
    assert by_name["top_names"]["datatype"] == "BYTES"
    assert by_name["top_names"]["shape"] == [2, 5]
    assert len(by_name["top_names"]["data"]) == 10
    assert all(isinstance(number, int) for number in by_name["class_id"]["data"])


def test_metadata_tell_the_latent_s_length() -> None:
    body = json.loads(model_metadata("digits", [3, 7], latent_size=20))
    assert body["versions"] == ["3", "7"]
    assert body["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}]
    assert body["outputs"][-1] == {"name": "latent", "datatype": "FP32", "shape": [-1, 20]}
