"""What a labeller says of an image, and of a cluster."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """A word, and its probability; the empty word where none was probable enough."""

    name: str
    score: float


def vote(labels: Sequence[Label]) -> Label:
    """Name a cluster by its exemplars: the word that more than half of them bear, with its mean score, or none.

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
