"""What clusters are called: by persons, and where no person has spoken by the votes of the replay workers' labeller.

A labeller says what a cluster's typical images look like, each time it is asked. Its votes add up and do not fade,
so a cluster whose images slowly leave what the labeller knows keeps the name that it got while they were
still known.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from learner.part import Saved, by_number, by_text
from learner.settings import LearnerSettings

LONGEST_NAME = 64
_RESERVED = re.compile(r"cluster-[0-9]+")  # what the served model calls a cluster without a name
_LEAST_WEIGHT = 0.5  # of a word's votes: one labeller that is at least half sure
_LEAST_SHARE = 0.5  # of all votes of the cluster
_MOST_WORDS = 16  # remembered of a cluster
_SETTLED = 32.0  # votes, of all words: two updates' members, all of them sure
Votes = Mapping[str, float]
"""Weight by word."""


def is_name(text: object) -> bool:
    r"""Say whether a cluster may be called so: printable characters without space around them, or empty.

    Examples
    --------
    >>> is_name("tabby cat"), is_name("cluster-7"), is_name("two\nlines")
    (True, False, False)
    """
    if not isinstance(text, str):
        return False
    printable = len(text) <= LONGEST_NAME and text.isprintable() and text == text.strip()
    return printable and _RESERVED.fullmatch(text) is None


@dataclass(frozen=True)
class Names:
    """Names by cluster id.

    Parameters
    ----------
    given
        By persons; they come before all votes.
    votes
        Of the labeller, by cluster.
    """

    given: Mapping[int, str] = field(default_factory=dict)
    votes: Mapping[int, Votes] = field(default_factory=dict)

    def of(self, cluster: int) -> str:
        """Return what the cluster is called; empty where nobody has named it or the votes do not agree.

        Examples
        --------
        >>> names = Names(votes={3: {"cat": 1.5, "dog": 0.6}, 4: {"cow": 0.2}})
        >>> names.of(3), names.of(4), names.of(5)
        ('cat', '', '')
        """
        return self.given.get(cluster) or self.word_of(cluster)

    def word_of(self, cluster: int) -> str:
        """Return what the labeller calls the cluster, whatever a person does; empty where its votes do not agree."""
        return _elected(self.votes.get(cluster, {}))

    @property
    def labeller_spoke(self) -> bool:
        """Whether the labeller's votes give any cluster a name."""
        return any(map(_elected, self.votes.values()))

    def is_settled(self, cluster: int) -> bool:
        """Say whether the labeller's word for the cluster is no longer in question: so many votes are cast."""
        votes = math.fsum(self.votes.get(cluster, {}).values())
        return votes >= _SETTLED and bool(self.word_of(cluster))

    def by_cluster(self) -> dict[int, str]:
        """Return all names, in the order of the ids; clusters without one are left out."""
        called = {cluster: self.of(cluster) for cluster in sorted({*self.given, *self.votes})}
        return {cluster: name for cluster, name in called.items() if name}

    def given_to(self, cluster: int, name: str) -> Self:
        """Return the names with a person's name for a cluster, or without one where it is empty."""
        given = {other: own for other, own in self.given.items() if other != cluster}
        return replace(self, given=given | ({cluster: name} if name else {}))

    def with_reading(self, cluster: int, name: str, weight: float) -> Self:
        """Return the names with the labeller's vote, unless it speaks against a settled name.

        What the labeller said first is believed. An update's words are checked against all settled names together and
        may vote against one: see `with_vote`.
        """
        if self.is_settled(cluster) and name != self.word_of(cluster):
            return self
        return self.with_vote(cluster, name, weight)

    def with_vote(self, cluster: int, name: str, weight: float) -> Self:
        """Return the names with a vote; beyond 16 words of a cluster its lightest is forgotten."""
        own = dict(self.votes.get(cluster, {}))
        own[name] = own.get(name, 0.0) + weight
        if len(own) > _MOST_WORDS:
            del own[min(own, key=lambda word: (own[word], word))]
        return replace(self, votes={**self.votes, cluster: own})

    def after_update(
        self, merged: Sequence[tuple[int, int]], live: Iterable[int], votes: Iterable[tuple[int, str, float]]
    ) -> Self:
        """Return the names after an update: see `names_after`; of merged clusters the votes add up.

        Parameters
        ----------
        merged
            Ids ``(kept, gone)`` of each merge, in order.
        live
            Ids after the update.
        votes
            ``(cluster, word, frames)`` of every word of the update's frames.
        """
        alive = set(live)
        names = replace(self, given=names_after(self.given, merged, alive))
        for kept, gone in merged:
            for word, weight in sorted(names.votes.get(gone, {}).items()):
                names = names.with_vote(kept, word, weight)
            names = replace(names, votes={cluster: own for cluster, own in names.votes.items() if cluster != gone})
        names = replace(names, votes={cluster: own for cluster, own in sorted(names.votes.items()) if cluster in alive})
        for cluster, word, frames in votes:
            names = names.with_vote(cluster, word, frames)
        return names

    def save(self) -> Saved:
        """See `Part.save`."""
        return Saved({"given": by_text(self.given), "votes": by_text(self.votes)})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  the contract's
        """See `Part.load`."""
        return cls(by_number(saved.values["given"]), by_number(saved.values["votes"]))


def names_after(names: Mapping[int, str], merged: Sequence[tuple[int, int]], live: Iterable[int]) -> dict[int, str]:
    """Return the names that persons gave after an update, by cluster id.

    Of two merged clusters the one that stays keeps its own name, or takes over the other's where it has none. A cluster
    that is no more has no name.

    Parameters
    ----------
    merged
        Ids ``(kept, gone)`` of each merge, in order.
    live
        Ids after the update.

    Examples
    --------
    >>> names_after({3: "cat", 5: "dog", 7: "cow"}, merged=[(2, 3), (5, 7)], live=[2, 5])
    {2: 'cat', 5: 'dog'}
    """
    carried = dict(names)
    for kept, gone in merged:
        name = carried.pop(gone, None)
        if name is not None:
            carried.setdefault(kept, name)
    alive = set(live)
    return {cluster: name for cluster, name in sorted(carried.items()) if cluster in alive}


def _elected(votes: Votes) -> str:
    """Return the word with most of the votes; empty where they are too few or divided."""
    if not votes:
        return ""
    word = max(votes, key=lambda word: (votes[word], word))
    enough = votes[word] >= _LEAST_WEIGHT and votes[word] >= _LEAST_SHARE * math.fsum(votes.values())
    return word if enough else ""
