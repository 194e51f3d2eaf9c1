"""Judges: they label the images of a subject and decide which generated ones are kept.

Axes: N images, E exemplars, D dimensions of an embedding.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from replay.judge.sample_filter import Candidates, FilterRules, Verdict, filter_candidates
from replay.judge.synthetic_gap import synthetic_gap
from replay.label.label import Embedder, Label, vote
from replay.subject import Subject
from stream.image_codec import Pixels

_FEWEST_REFUSED = 8


class Judge(Protocol):
    """Judges the generated images of one subject, in their order.

    Blocking: a judge takes as long as a model needs for five images, when it is made and for each batch.
    """

    @property
    def label(self) -> Label:
        """The label of the exemplars; empty where there is none."""

    def member_labels(self) -> list[Label]:
        """Return a label for each member of the subject; none at all without a labeller."""

    def judge(self, images: Sequence[Pixels | None], name: str) -> list[Verdict]:
        """Return a verdict for each image; it depends on those that were kept before.

        Parameters
        ----------
        images
            None for one that the generator's own safety checker refused.
        name
            The wanted label; a name that the labeller does not know is not checked.
        """

    def gap(self) -> float:
        """Return the distance of the kept images from the exemplars; where none was kept, of the refused ones.

        0 where that is not known: a few refused images are no sample of the others.
        """


class AcceptingJudge:
    """The judge without a labeller: it has no labels and keeps what the generator did not refuse itself."""

    label = Label("", 0.0)

    def __init__(self, subject: Subject) -> None:
        pass

    def member_labels(self) -> list[Label]:
        """See `Judge`."""
        return []

    def judge(self, images: Sequence[Pixels | None], name: str) -> list[Verdict]:  # noqa: ARG002  of the contract
        """See `Judge`."""
        return [Verdict("safety" if image is None else "") for image in images]

    def gap(self) -> float:
        """Return 0."""
        return 0.0


class LabellerJudge:
    """Labels with a labeller, and keeps by the rules of `replay.judge.sample_filter`."""

    def __init__(self, labeller: Embedder, rules: FilterRules, subject: Subject) -> None:
        self._labeller = labeller
        self._rules = rules
        self._members = subject.members
        self._exemplars_ED = labeller.embed(subject.exemplars)
        self._kept_ND = self._refused_ND = self._exemplars_ED[:0]
        self.label = vote(labeller.labels_of(self._exemplars_ED))

    def member_labels(self) -> list[Label]:
        """See `Judge`."""
        return self._labeller.labels_of(self._labeller.embed(self._members)) if self._members else []

    def judge(self, images: Sequence[Pixels | None], name: str) -> list[Verdict]:
        """See `Judge`."""
        black = np.zeros((1, 1, 3), np.uint8)
        embedded_ND = self._labeller.embed([black if image is None else image for image in images])
        labels = [label.name for label in self._labeller.labels_of(embedded_ND)]
        candidates = Candidates(embedded_ND, labels, [image is None for image in images])
        known = name if name in self._labeller.words else ""
        verdicts = filter_candidates(candidates, self._exemplars_ED, known, self._rules, self._kept_ND)
        kept = np.array([verdict.kept for verdict in verdicts], dtype=bool)
        refused = ~kept & np.array([image is not None for image in images], dtype=bool)
        self._kept_ND = np.concatenate([self._kept_ND, embedded_ND[kept]])
        self._refused_ND = np.concatenate([self._refused_ND, embedded_ND[refused]])
        return verdicts

    def gap(self) -> float:
        """See `Judge`."""
        if len(self._kept_ND):
            return synthetic_gap(self._kept_ND, self._exemplars_ED)
        known = len(self._refused_ND) >= _FEWEST_REFUSED
        return synthetic_gap(self._refused_ND, self._exemplars_ED) if known else 0.0
