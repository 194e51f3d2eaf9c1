"""Words that shape clusters: what the labeller said of an update's frames, and what its clusters are called.

A frame of which a word was said belongs to a cluster of that name, if there is one: expectation-maximisation with
labels as hard constraints (Basu, Banerjee and Mooney, "Semi-supervised Clustering by Seeding", ICML 2002). Where a
cluster holds enough frames of which another word was said, these become a cluster of their own.

A labeller is believed while it agrees with what it has settled itself. Where the world leaves it, its words and the
clusters part; then words count only in clusters whose names are not settled yet.

Axes: N frames, K slots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from learner.memory.names import Names
from learner.model.clusters.clustering import Clustering
from learner.model.clusters.mixture import TiedMixture

_NONE = -1
_FEWEST_FRAMES = 3  # of another word before they leave a cluster; with 4 digits in a still world lose 0.02
_LEAST_SHARE = 0.25  # of a cluster's frames, for their word to name it
_BELIEVED = 0.9  # share of a window's words that agree with settled names


@dataclass(frozen=True)
class Words:
    """Numbers of words, -1 where there is none: what was said of each frame, and what each slot's cluster is called.

    Names that persons gave are none of the labeller's words, and shape nothing.

    Parameters
    ----------
    vocabulary
        The words, by number.
    said_N, called_K
        int64.
    settled_K
        True where a name is no longer in question.
    spoken
        Whether anything was said of the frames, be it believed or not.
    """

    vocabulary: tuple[str, ...]
    said_N: Tensor
    called_K: Tensor
    settled_K: Tensor
    spoken: bool = True

    @classmethod
    def of(cls, said: Sequence[str], names: Names, ids_K: Tensor) -> "Words":
        """Return as numbers what was said of frames, and what the labeller calls the clusters of the slots."""
        called = [names.word_of(cluster) for cluster in ids_K.tolist()]
        vocabulary = tuple(sorted({*said, *called} - {""}))
        numbers = {"": _NONE} | {word: number for number, word in enumerate(vocabulary)}
        return cls(
            vocabulary,
            torch.tensor([numbers[word] for word in said], dtype=torch.int64),
            torch.tensor([numbers[word] for word in called], dtype=torch.int64),
            torch.tensor([names.is_settled(cluster) for cluster in ids_K.tolist()], dtype=torch.bool),
            any(said),
        )

    def heard(self, slots_N: Tensor) -> "Words":
        """Return the words that count, of frames that fell into ``slots_N``: see above."""
        asked_N = (self.said_N >= 0) & self.settled_K[slots_N]
        agreed_N = self.said_N[asked_N] == self.called_K[slots_N][asked_N]
        if bool(asked_N.any()) and float(agreed_N.double().mean()) < _BELIEVED:
            return replace(self, said_N=torch.where(asked_N, _NONE, self.said_N))
        return self

    def keep_apart(self, clustering: Clustering) -> Clustering:
        """Return the clustering with clusters of different names never joined."""
        return replace(clustering, called_K=self.called_K)

    def votes(self, mixture: TiedMixture, called_K: Tensor, slots_N: Tensor) -> tuple[tuple[int, str, float], ...]:
        """Return ``(cluster, word, frames)`` for every word said of frames that ended in a cluster that is called."""
        ids = torch.where(called_K >= 0, mixture.ids_K, _NONE).tolist()
        return tuple(
            (ids[slot], self.vocabulary[word], float(count))
            for word, slot, count in _pairs(self.said_N, slots_N)
            if ids[slot] >= 0
        )


def part(words: Words, clustering: Clustering, coordinates_ND: Tensor) -> Clustering:
    """Let frames of another word leave their cluster, and bind each frame to the clusters called as was said of it.

    A cluster that frames leave was mixed, and its mean is wrong: its past counts in the fit by the share of its words
    that agree with its name. One without a name is called by the word said most often of it, if that was said of enough
    frames: members were asked for before the newest frames came, so of a cluster that is born of these the few that a
    word was said of are strays. None leave it either, for they may be what was said or not: its exemplar will tell.
    """
    called_K = _called(words, clustering.slots_N)
    start, slots_N, without_slot = clustering.start, clustering.slots_N.clone(), clustering.without_slot
    left_K = torch.zeros(len(called_K), dtype=torch.float64)
    for word, slot, count in _pairs(words.said_N, clustering.slots_N):
        if int(called_K[slot]) in (word, _NONE) or count < _FEWEST_FRAMES:
            continue
        if start.live_clusters == len(called_K):
            without_slot += 1
            continue
        own_N = (words.said_N == word) & (clustering.slots_N == slot)
        free = int(torch.nonzero(~start.live_K)[0])
        start = start.born(coordinates_ND[own_N].mean(0, keepdim=True))
        slots_N[own_N], called_K[free] = free, word
        left_K[slot] += count
    agreed_K = _agreed(words.said_N, clustering.slots_N, called_K)
    counts_K = start.counts_K * agreed_K / (agreed_K + left_K).clamp_min(1.0)
    start = replace(start, counts_K=torch.where(left_K > 0, counts_K, start.counts_K))
    return Clustering(start, slots_N, without_slot, _allowed(words.said_N, called_K), called_K)


def _allowed(said_N: Tensor, called_K: Tensor) -> Tensor:
    """Return True [N, K] where a frame may belong: to a cluster called by its word, or where none is, anywhere."""
    same_NK = (said_N[:, None] == called_K[None, :]) & (said_N[:, None] >= 0)
    return same_NK | ~same_NK.any(1, keepdim=True)


def _agreed(said_N: Tensor, slots_N: Tensor, called_K: Tensor) -> Tensor:
    """Count of each slot the frames of which its name was said [K]."""
    own_N = (said_N >= 0) & (said_N == called_K[slots_N])
    return torch.bincount(slots_N[own_N], minlength=len(called_K)).double()


def _called(words: Words, slots_N: Tensor) -> Tensor:
    """Return what each slot's cluster is called, those without a name by the word said most often of their frames."""
    called_K, frames_K = words.called_K.clone(), torch.bincount(slots_N, minlength=len(words.called_K))
    for word, slot, count in sorted(_pairs(words.said_N, slots_N), key=lambda pair: pair[2]):
        enough = count >= max(_FEWEST_FRAMES, _LEAST_SHARE * int(frames_K[slot]))
        if int(words.called_K[slot]) == _NONE and enough:
            called_K[slot] = word
    return called_K


def _pairs(said_N: Tensor, slots_N: Tensor) -> list[tuple[int, int, int]]:
    """Return ``(word, slot, frames)`` of the frames of which something was said, each pair of word and slot once."""
    spoken_N = said_N >= 0
    pairs_P2, counts_P = torch.unique(
        torch.stack([said_N[spoken_N], slots_N[spoken_N]], dim=1), dim=0, return_counts=True
    )
    return [(word, slot, count) for (word, slot), count in zip(pairs_P2.tolist(), counts_P.tolist(), strict=True)]
