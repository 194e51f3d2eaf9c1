"""The served contract: the graph's input, outputs and their values, whatever the number of clusters (decision 0004).

Clusters with one name are one class, their probabilities summed; a class's id is its lowest cluster's. With fewer
than five live classes the rest of ``top_*`` is id -1, name "", probability 0.

Axes: B batch, H height, W width, C = 3 colours, D latent.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

INPUT_NAME = "images"
INPUT_DATATYPE = "UINT8"
COLOURS = 3
TOP = 5
"""How many classes ``top_*`` have."""


@dataclass(frozen=True)
class TensorSpec:
    """A tensor as the Open Inference Protocol names it; -1 is an axis whose size varies."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def sizes(self, latent_size: int) -> tuple[int, ...]:
        """Return the shape in a model whose latents have this size."""
        return (-1, latent_size) if self.name == "latent" else self.shape


INPUT = TensorSpec(INPUT_NAME, INPUT_DATATYPE, (-1, -1, -1, COLOURS))
OUTPUTS = (
    TensorSpec("class_id", "INT64", (-1,)),
    TensorSpec("name", "BYTES", (-1,)),
    TensorSpec("probability", "FP32", (-1,)),
    TensorSpec("uncertainty", "FP32", (-1,)),
    TensorSpec("top_ids", "INT64", (-1, TOP)),
    TensorSpec("top_names", "BYTES", (-1, TOP)),
    TensorSpec("top_probabilities", "FP32", (-1, TOP)),
    TensorSpec("latent", "FP32", (-1, -1)),
)
OUTPUT_NAMES = tuple(output.name for output in OUTPUTS)


@dataclass(frozen=True)
class Prediction:
    """One answer for each image; the arrays have the names of the outputs."""

    class_id: npt.NDArray[np.int64]
    """[B]: the most probable class."""
    name: npt.NDArray[np.object_]
    """[B]: its name, a Python string."""
    probability: npt.NDArray[np.float32]
    """[B]."""
    uncertainty: npt.NDArray[np.float32]
    """[B]: distance to the cluster's mode in units of its threshold; above 1 = uncertain."""
    top_ids: npt.NDArray[np.int64]
    """[B, 5]: the most probable classes, best first; -1 where fewer than five classes live."""
    top_names: npt.NDArray[np.object_]
    """[B, 5]: "" where fewer live."""
    top_probabilities: npt.NDArray[np.float32]
    """[B, 5]: 0 where fewer live."""
    latent: npt.NDArray[np.float32]
    """[B, D]."""

    def tensor(self, name: str) -> npt.NDArray[Any]:
        """Return the output ``name`` of the served contract."""
        values: npt.NDArray[Any] = getattr(self, name)
        return values
