"""An exported graph whose learned values can be replaced: milliseconds, where an export takes seconds.

A template is the ONNX graph of one structure. Whatever is learned stands in it as an initializer of known name and
shape, so that the next version is the same graph with other initializers (decision 0004).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from deploy.registry.served_contract import INPUT, OUTPUTS, TensorSpec
from deploy.serving.errors import InvalidGraph

TOP_SLOTS = "top_slots"
"""An output of the exported graph alone: where the best classes stand, for their names are looked up by it."""
_NAMES = "class_names"
_FIRST = "first_of_top"
_AXES = ("batch", "height", "width")
_TYPES = {
    "UINT8": TensorProto.UINT8,
    "INT64": TensorProto.INT64,
    "BYTES": TensorProto.STRING,
    "FP32": TensorProto.FLOAT,
}
Values = Mapping[str, npt.NDArray[Any]]


class GraphTemplate:
    """A graph with the served contract, to be filled with one version's values."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model

    @classmethod
    def of_export(cls, exported: onnx.ModelProto, slots: int, latent_size: int) -> Self:
        """Make a template of what torch exports, which has no strings and an output too many.

        1. drop what names the machine it was made on, 2. look the names up, 3. state the contract's inputs and outputs.
        """
        model = onnx.ModelProto()
        model.CopyFrom(exported)
        _drop_metadata(model)
        _look_up_names(model.graph, slots)
        _state_contract(model.graph, latent_size)
        return cls(model)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a template; raise InvalidGraph where the bytes are none."""
        try:
            onnx.checker.check_model(data)
        except (ValueError, onnx.checker.ValidationError) as error:
            cause = f"its template cannot be read ({error})"
            raise InvalidGraph(cause) from error
        return cls(onnx.load_from_string(data))

    def to_bytes(self) -> bytes:
        """Write the template."""
        return bytes(self._model.SerializeToString(deterministic=True))

    def filled(self, values: Values, class_names_K: Sequence[str]) -> bytes:
        """Return ``model.onnx`` with these values; those that the graph does not use are passed over.

        Raises
        ------
        InvalidGraph
            An initializer has no value, or one of another shape or type: the structure has changed, export anew.
        """
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        for initializer in model.graph.initializer:
            if initializer.name == _NAMES:
                initializer.CopyFrom(_names_tensor(class_names_K))
            elif initializer.name != _FIRST:
                _replace(initializer, values)
        return bytes(model.SerializeToString(deterministic=True))

    def missing(self, required: Iterable[str]) -> list[str]:
        """Return the names among ``required`` that are no initializer: the export has folded their values away."""
        return sorted(set(required) - {initializer.name for initializer in self._model.graph.initializer})


def _replace(initializer: TensorProto, values: Values) -> None:
    name = initializer.name
    new = values.get(name)
    if new is None:
        cause = f"its initializer {name!r} is not one of the model's values"
        raise InvalidGraph(cause)
    replaced = numpy_helper.from_array(np.ascontiguousarray(new), name)
    if list(replaced.dims) != list(initializer.dims) or replaced.data_type != initializer.data_type:
        cause = f"its initializer {name!r} is {list(initializer.dims)}, the model's value {list(replaced.dims)}"
        raise InvalidGraph(cause)
    initializer.CopyFrom(replaced)


def _drop_metadata(model: onnx.ModelProto) -> None:
    """Drop stack traces and the like: they hold paths of the machine, and change with every line of the source."""
    graph = model.graph
    del graph.value_info[:], model.metadata_props[:], graph.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    model.doc_string = graph.doc_string = ""


def _look_up_names(graph: onnx.GraphProto, slots: int) -> None:
    """Add what torch cannot export: strings."""
    graph.initializer.append(_names_tensor([""] * slots))
    graph.initializer.append(numpy_helper.from_array(np.array(0, np.int64), _FIRST))
    graph.node.append(helper.make_node("Gather", [_NAMES, TOP_SLOTS], ["top_names"], name="look_up_names"))
    graph.node.append(helper.make_node("Gather", ["top_names", _FIRST], ["name"], name="first_name", axis=1))


def _state_contract(graph: onnx.GraphProto, latent_size: int) -> None:
    del graph.input[:], graph.output[:]
    graph.input.append(_value_info(INPUT, latent_size))
    graph.output.extend(_value_info(output, latent_size) for output in OUTPUTS)


def _value_info(tensor: TensorSpec, latent_size: int) -> onnx.ValueInfoProto:
    sizes = tensor.sizes(latent_size)
    shape = [size if size >= 0 else _AXES[axis] for axis, size in enumerate(sizes)]
    return helper.make_tensor_value_info(tensor.name, _TYPES[tensor.datatype], shape)


def _names_tensor(class_names_K: Sequence[str]) -> TensorProto:
    encoded = [name.encode() for name in class_names_K]
    return TensorProto(name=_NAMES, data_type=TensorProto.STRING, dims=[len(encoded)], string_data=encoded)
