"""Labels of images and of clusters, and the contract of what gives them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stream.image_codec import Pixels

Embeddings = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Label:
    """A word, and its probability; the empty word where none was probable enough."""

    name: str
    score: float


class Embedder(Protocol):
    """Embeds images and labels the embeddings; both block as long as a model needs. See `replay.label.labeller`."""

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary that labels are chosen from."""

    def embed(self, images: Sequence[Pixels]) -> Embeddings:
        """Return float32 [N, D] of length 1."""

    def labels_of(self, embedded_ND: Embeddings) -> list[Label]:
        """Return a label for each embedded image."""


def vote(labels: Sequence[Label]) -> Label:
    """Name a cluster by its exemplars: the word of more than half of them, with its mean score, or none.

    Examples
    --------
    >>> vote([Label("cat", 0.75), Label("", 0.2), Label("cat", 0.25)])
    Label(name='cat', score=0.5)
    >>> vote([Label("cat", 0.9), Label("dog", 0.9)]).name
    ''
    """
    counts = Counter(label.name for label in labels if label.name)
    for name, votes in counts.most_common(1):
        if 2 * votes > len(labels):
            return Label(name, sum(label.score for label in labels if label.name == name) / votes)
    return Label("", 0.0)
