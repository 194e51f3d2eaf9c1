"""What the model answers for a batch of images; the arrays have the names of the served contract.

Axes: B batch, D latent; 5 = the most probable classes, best first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Prediction:
    """One answer for each image.

    Parameters
    ----------
    class_id, name, probability
        [B]: the most probable class; names are Python strings.
    uncertainty
        [B]: distance to the cluster's mode in units of its threshold; above 1 = uncertain.
    top_ids, top_names, top_probabilities
        [B, 5]: -1, "" and 0 where fewer than five classes live.
    latent
        [B, D].
    """

    class_id: npt.NDArray[np.int64]
    name: npt.NDArray[np.object_]
    probability: npt.NDArray[np.float32]
    uncertainty: npt.NDArray[np.float32]
    top_ids: npt.NDArray[np.int64]
    top_names: npt.NDArray[np.object_]
    top_probabilities: npt.NDArray[np.float32]
    latent: npt.NDArray[np.float32]

    def tensor(self, name: str) -> npt.NDArray[Any]:
        """Return the output ``name`` of the served contract."""
        return {
            "class_id": self.class_id,
            "name": self.name,
            "probability": self.probability,
            "uncertainty": self.uncertainty,
            "top_ids": self.top_ids,
            "top_names": self.top_names,
            "top_probabilities": self.top_probabilities,
            "latent": self.latent,
        }[name]
