"""A graph of 3 KB with the served contract, made without torch: the image's mean colour, classified."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 6
LATENT = 3


def tiny_model(mark: str = "v1", seed: int = 0, classes: int = CLASSES) -> bytes:
    """Return a model whose classes are named ``<mark>-<id>``, so that an answer shows which version gave it."""
    rng = np.random.default_rng(seed)
    initializers = [
        numpy_helper.from_array(rng.normal(size=(LATENT, classes)).astype(np.float32), "weights"),
        numpy_helper.from_array(np.arange(classes, dtype=np.int64), "class_ids"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "image_axes"),
        numpy_helper.from_array(np.array([1], np.int64), "last_axis"),
        numpy_helper.from_array(np.array([5], np.int64), "five"),
        numpy_helper.from_array(np.array(0, np.int64), "first"),
        numpy_helper.from_array(np.array(255, np.float32), "white"),
        helper.make_tensor(
            "class_names", TensorProto.STRING, [classes], [f"{mark}-{i}".encode() for i in range(classes)]
        ),
    ]
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["floats", "white"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled", "image_axes"], ["latent"], keepdims=0),
        helper.make_node("MatMul", ["latent", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("TopK", ["probabilities", "five"], ["top_probabilities", "top_slots"], axis=1),
        helper.make_node("Gather", ["class_ids", "top_slots"], ["top_ids"]),
        helper.make_node("Gather", ["class_names", "top_slots"], ["top_names"]),
        helper.make_node("Gather", ["top_ids", "first"], ["class_id"], axis=1),
        helper.make_node("Gather", ["top_names", "first"], ["name"], axis=1),
        helper.make_node("Gather", ["top_probabilities", "first"], ["probability"], axis=1),
        helper.make_node("ReduceMax", ["latent", "last_axis"], ["uncertainty"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", "height", "width", 3])],
        [
            helper.make_tensor_value_info("class_id", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info("name", TensorProto.STRING, ["batch"]),
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("uncertainty", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("top_ids", TensorProto.INT64, ["batch", 5]),
            helper.make_tensor_value_info("top_names", TensorProto.STRING, ["batch", 5]),
            helper.make_tensor_value_info("top_probabilities", TensorProto.FLOAT, ["batch", 5]),
            helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["batch", LATENT]),
        ],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()
