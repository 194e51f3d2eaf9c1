"""Who looks at what is painted: names a subject by its exemplars, and says which images of it are kept.

Axes: N images, E exemplars, D dimensions of an embedding.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from replay.generate.generator import Subject
from replay.judge.sample_filter import Candidates, Embeddings, FilterRules, Verdict, judge
from replay.judge.synthetic_gap import synthetic_gap
from replay.label.label import Label, vote
from stream.image_codec import Pixels

_FEWEST_REFUSED = 8


class Labels(Protocol):
    """What a critic needs of a labeller; see `replay.labeller.Labeller`."""

    @property
    def words(self) -> tuple[str, ...]:
        """Those that it chooses from."""

    def embed(self, images: Sequence[Pixels]) -> Embeddings:
        """Return float32 [N, D] of length 1."""

    def labels_of(self, embedded_ND: Embeddings) -> list[Label]:
        """Return a label for each embedded image."""


class Jury(Protocol):
    """Judges the images of one subject, in their order."""

    @property
    def label(self) -> Label:
        """What the exemplars are called; empty where nobody can tell."""

    def judge(self, images: Sequence[Pixels | None], name: str) -> list[Verdict]:
        """Return a verdict for each image; it depends on those that were kept before.

        Parameters
        ----------
        images
            None for one that the generator's own safety checker refused.
        name
            What they should show; a name that no labeller knows is not looked for.
        """

    def gap(self) -> float:
        """Return how far those that were kept are from the exemplars; where none was, those that were refused.

        0 where that is not known: a few that were refused say nothing of the others.
        """


class Critic(Protocol):
    """Looks at subjects. Blocking: a look takes as long as a model needs for five images."""

    def look(self, subject: Subject) -> Jury:
        """Return who judges images of the subject."""

    def labels(self, images: Sequence[Pixels]) -> list[Label]:
        """Return a label for each image by itself; none at all where there is no labeller."""


class Unseeing:
    """Looks at nothing: there is no labeller. It names nobody and keeps what the generator did not refuse itself."""

    label = Label("", 0.0)

    def look(self, subject: Subject) -> Jury:  # noqa: ARG002  of the contract
        """See `Critic`."""
        return self

    def labels(self, images: Sequence[Pixels]) -> list[Label]:  # noqa: ARG002  of the contract
        """See `Critic`."""
        return []

    def judge(self, images: Sequence[Pixels | None], name: str) -> list[Verdict]:  # noqa: ARG002  of the contract
        """See `Jury`."""
        return [Verdict("safety" if image is None else "") for image in images]

    def gap(self) -> float:
        """Return 0."""
        return 0.0


class Seeing:
    """Looks with a labeller, and keeps by the rules of `replay.judge.sample_filter`."""

    def __init__(self, labeller: Labels, rules: FilterRules) -> None:
        self._labeller = labeller
        self._rules = rules

    def look(self, subject: Subject) -> "_SeeingJury":
        """See `Critic`."""
        return _SeeingJury(self._labeller, self._rules, self._labeller.embed(subject.exemplars))

    def labels(self, images: Sequence[Pixels]) -> list[Label]:
        """See `Critic`."""
        return self._labeller.labels_of(self._labeller.embed(images)) if images else []


class _SeeingJury:
    def __init__(self, labeller: Labels, rules: FilterRules, exemplars_ED: Embeddings) -> None:
        self._labeller = labeller
        self._rules = rules
        self._exemplars_ED = exemplars_ED
        self._kept_ND = self._refused_ND = exemplars_ED[:0]
        self.label = vote(labeller.labels_of(exemplars_ED))

    def judge(self, images: Sequence[Pixels | None], name: str) -> list[Verdict]:
        black = np.zeros((1, 1, 3), np.uint8)
        embedded_ND = self._labeller.embed([black if image is None else image for image in images])
        labels = [label.name for label in self._labeller.labels_of(embedded_ND)]
        candidates = Candidates(embedded_ND, labels, [image is None for image in images])
        known = name if name in self._labeller.words else ""
        verdicts = judge(candidates, self._exemplars_ED, known, self._rules, self._kept_ND)
        kept = np.array([verdict.kept for verdict in verdicts], dtype=bool)
        refused = ~kept & np.array([image is not None for image in images], dtype=bool)
        self._kept_ND = np.concatenate([self._kept_ND, embedded_ND[kept]])
        self._refused_ND = np.concatenate([self._refused_ND, embedded_ND[refused]])
        return verdicts

    def gap(self) -> float:
        if len(self._kept_ND):
            return synthetic_gap(self._kept_ND, self._exemplars_ED)
        known = len(self._refused_ND) >= _FEWEST_REFUSED
        return synthetic_gap(self._refused_ND, self._exemplars_ED) if known else 0.0
