"""One loaded version: the contract checked at loading, the provider asserted, answers from many threads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from deploy.registry.served_contract import OUTPUT_NAMES
from deploy.serving.errors import InvalidGraph, ProviderMissing
from deploy.serving.inference_session import InferenceSession, check_provider
from tests.deploy.tiny_model import LATENT, tiny_model


@pytest.fixture(scope="module")
def session() -> InferenceSession:
    loaded = InferenceSession.load(tiny_model("v1"), "cpu", threads=1)
    loaded.warm_up()
    return loaded


@pytest.mark.parametrize("shape", [(1, 32, 32, 3), (3, 17, 40, 3), (2, 1, 1, 3)])
def test_every_output_of_the_contract_has_its_shape_and_type(session: InferenceSession, shape: tuple[int, ...]) -> None:
    prediction = session.run(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    batch = shape[0]
    expected = {
        "class_id": ((batch,), "int64"),
        "name": ((batch,), "object"),
        "probability": ((batch,), "float32"),
        "uncertainty": ((batch,), "float32"),
        "top_ids": ((batch, 5), "int64"),
        "top_names": ((batch, 5), "object"),
        "top_probabilities": ((batch, 5), "float32"),
        "latent": ((batch, LATENT), "float32"),
    }
    found = {name: (prediction.tensor(name).shape, str(prediction.tensor(name).dtype)) for name in OUTPUT_NAMES}
    assert found == expected
    assert prediction.name[0] == f"v1-{prediction.class_id[0]}"


def test_the_latent_size_is_read_from_the_graph(session: InferenceSession) -> None:
    assert session.latent_size == LATENT


def test_many_threads_get_the_answers_of_one(session: InferenceSession) -> None:
    batches = np.random.default_rng(1).integers(0, 256, (64, 1, 20, 20, 3), dtype=np.uint8)
    alone = [session.run(batch).latent for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = [prediction.latent for prediction in pool.map(session.run, batches)]
    np.testing.assert_array_equal(np.stack(together), np.stack(alone))


def test_cuda_runs_on_cuda_or_is_refused_in_one_sentence() -> None:
    if Path("/dev/nvidiactl").exists():
        check_provider("cuda")
        assert InferenceSession.load(tiny_model(), "cuda", threads=1).provider == "cuda"
    else:
        with pytest.raises(ProviderMissing, match=r"or set deploy\.provider to 'cpu'"):
            check_provider("cuda")
        with pytest.raises(ProviderMissing, match="'cuda' was asked for but ONNX Runtime gave CPUExecutionProvider"):
            InferenceSession.load(tiny_model(), "cuda", threads=1)


def test_auto_tells_what_it_runs_on() -> None:
    assert InferenceSession.load(tiny_model(), "auto", threads=1).provider in {"cpu", "cuda"}


def _without_output(name: str) -> bytes:
    model = onnx.load_from_string(tiny_model())
    kept = [output for output in model.graph.output if output.name != name]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    return model.SerializeToString()


def _with_float_input() -> bytes:
    model = onnx.load_from_string(tiny_model())
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("model_bytes", "cause"),
    [
        (b"", "does not load"),
        (b"not a graph", "does not load"),
        (tiny_model()[:-200], "does not load"),
        (_without_output("uncertainty"), "output 'uncertainty' is None"),
        (_with_float_input(), r"input 'images' is \('tensor\(float\)', 4\)"),
    ],
    ids=["empty", "text", "truncated", "an output missing", "another input"],
)
def test_a_graph_that_breaks_the_contract_is_refused_at_loading(model_bytes: bytes, cause: str) -> None:
    with pytest.raises(InvalidGraph, match=cause):
        InferenceSession.load(model_bytes, "cpu", threads=1)


def test_damaged_bytes_never_fail_in_another_way() -> None:
    chance = np.random.default_rng(0)
    whole = tiny_model()
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        for place, value in zip(chance.integers(len(whole), size=3), chance.integers(256, size=3), strict=True):
            damaged[place] = value
        try:
            InferenceSession.load(bytes(damaged), "cpu", threads=1).warm_up()
        except InvalidGraph:
            refused += 1
    assert refused > 100
