"""Which generated images of a cluster are kept, and why the others are not.

A distance is 1 − cosine, counted in spreads of the exemplars: what is near depends on the embedding and on the class.
Measured on scikit-learn's digits with the 5 exemplars nearest to the class's mean, embedded as pixels, as 20 principal
components and by a small network: 1, 4 and 9 % of real images of a class are farther than 6 spreads, 39, 66 and 98 % of
those of other classes; one in a thousand lies nearer than 0.06, 0.03 and 0.08 spreads to another one.

Axes: N images, E exemplars, D dimensions of the embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from replay.label.label import Embeddings

Reason = Literal["", "safety", "label", "distance", "duplicate"]
LEAST_SPREAD = 0.02
"""1 − cosine; the least spread: that of one image is unknown."""


@dataclass(frozen=True)
class Verdict:
    """Whether an image is kept.

    Parameters
    ----------
    reason
        Empty where it is kept; else the first that applies: ``safety``, the generator flagged it; ``label``, its
        label is another name or none; ``distance``, it is too far from the exemplars; ``duplicate``, it is too
        near to one of them or to an image that is kept.
    """

    reason: Reason = ""

    @property
    def kept(self) -> bool:
        """Whether it goes to the learner."""
        return not self.reason


@dataclass(frozen=True)
class FilterRules:
    """When an image is too far and when too near, in spreads of the exemplars.

    Parameters
    ----------
    most_spreads
        Allowed mean distance to the exemplars.
    fewest_spreads
        Required distance to the nearest exemplar or kept image.
    least_spread
        1 − cosine; taken where there is one exemplar, or where they are more alike.
    """

    most_spreads: float = 6.0
    fewest_spreads: float = 0.03
    least_spread: float = LEAST_SPREAD


@dataclass(frozen=True)
class Candidates:
    """Generated images of one cluster, in their order.

    Parameters
    ----------
    embeddings_ND
        float32, of length 1 each.
    labels
        The labeller's label of each; empty where it abstains.
    flagged
        Whether the generator's safety checker refused it.

    Raises
    ------
    ValueError
        There are not as many of each.
    """

    embeddings_ND: Embeddings
    labels: Sequence[str]
    flagged: Sequence[bool]

    def __post_init__(self) -> None:
        if not len(self.embeddings_ND) == len(self.labels) == len(self.flagged):
            counts = f"{len(self.embeddings_ND)} embeddings, {len(self.labels)} labels and {len(self.flagged)} flags"
            message = f"{counts} came; give one of each for each image"
            raise ValueError(message)

    def fault_of(self, place: int, name: str) -> Reason:
        """Return the fault that needs no distance: flagged, or another label than ``name``."""
        if self.flagged[place]:
            return "safety"
        return "label" if name and self.labels[place] != name else ""


def filter_candidates(
    candidates: Candidates,
    exemplars_ED: Embeddings,
    name: str,
    rules: FilterRules = FilterRules(),
    kept_ND: Embeddings | None = None,
) -> list[Verdict]:
    """Return a verdict for each candidate; it depends on those before it, never on those after.

    Parameters
    ----------
    exemplars_ED
        float32, of length 1 each; at least one.
    name
        The wanted label; where it is empty no label is wrong.
    kept_ND
        Images of the cluster that were kept before.

    Examples
    --------
    >>> axes = np.eye(3, dtype=np.float32)
    >>> candidates = Candidates(axes[[0, 0, 1]], ["cat", "dog", "cat"], [True, False, False])
    >>> [verdict.reason for verdict in filter_candidates(candidates, axes[:1], "cat")]
    ['safety', 'label', 'distance']
    """
    spread = max(spread_of(exemplars_ED), rules.least_spread)
    known_KD = exemplars_ED if kept_ND is None else np.concatenate([exemplars_ED, kept_ND])
    verdicts: list[Verdict] = []
    for place, embedding_D in enumerate(candidates.embeddings_ND):
        reason = candidates.fault_of(place, name)
        if not reason:
            reason = _misplaced(embedding_D, exemplars_ED, known_KD, spread, rules)
        if not reason:
            known_KD = np.vstack([known_KD, embedding_D])
        verdicts.append(Verdict(reason))
    return verdicts


def _misplaced(
    embedding_D: Embeddings, exemplars_ED: Embeddings, known_KD: Embeddings, spread: float, rules: FilterRules
) -> Reason:
    if not (1 - exemplars_ED @ embedding_D).mean() <= rules.most_spreads * spread:  # NaN is far
        return "distance"
    return "duplicate" if (1 - known_KD @ embedding_D).min() < rules.fewest_spreads * spread else ""


def spread_of(embeddings_ND: Embeddings) -> float:
    """Return the mean distance between two of them; 0 for one.

    Examples
    --------
    >>> spread_of(np.eye(3, dtype=np.float32))
    1.0
    """
    count = len(embeddings_ND)
    if count == 1:
        return 0.0
    distances_NN = 1 - embeddings_ND @ embeddings_ND.T
    return float((distances_NN.sum() - np.trace(distances_NN)) / (count * (count - 1)))
