"""The smallest graph that ONNX Runtime runs, to see on what it runs."""

from onnx import TensorProto, helper


def smallest_graph() -> bytes:
    """Return a graph that doubles a number."""
    number = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", number[:1], number[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())
