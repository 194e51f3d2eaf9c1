"""How words shape clusters.

A frame of which a word was said belongs to a cluster of that name, if there is one: expectation-maximisation with
labels as hard constraints (Basu, Banerjee and Mooney, "Semi-supervised Clustering by Seeding", ICML 2002). Where a
cluster holds enough frames of which another word was said, these become a cluster of their own.

Axes: N frames, K slots.
"""

from dataclasses import replace

import torch
from torch import Tensor

from learner.model.clusters.clustering import Clustering
from learner.model.clusters.mixture import TiedMixture
from learner.model.words import NO_WORD, Words

_FEWEST_FRAMES = 3  # of another word before they leave a cluster; with 4 digits in a still world lose 0.02
_LEAST_SHARE = 0.25  # of a cluster's frames, for their word to name it


def keep_apart(words: Words, clustering: Clustering) -> Clustering:
    """Return the clustering with clusters of different names never joined."""
    return replace(clustering, called_K=words.called_K)


def word_votes(
    words: Words, mixture: TiedMixture, called_K: Tensor, slots_N: Tensor
) -> tuple[tuple[int, str, float], ...]:
    """Return ``(cluster, word, frames)`` for every word said of frames that ended in a cluster with a name."""
    ids = torch.where(called_K >= 0, mixture.ids_K, NO_WORD).tolist()
    return tuple(
        (ids[slot], words.vocabulary[word], float(count))
        for word, slot, count in _pairs(words.said_N, slots_N)
        if ids[slot] >= 0
    )


def part_by_words(words: Words, clustering: Clustering, coordinates_ND: Tensor) -> Clustering:
    """Move frames of another word out of their cluster, and bind each frame to the clusters of its word.

    - A cluster that frames leave was mixed, so its mean is wrong. Its past counts in the fit by the share of its words
      that agree with its name.
    - A cluster without a name takes the word that was said most often of its frames, if it was said of enough of them.
      Members were asked for before the newest frames came, so in a cluster that is made of these frames the few with a
      word are strays.
    - No frame leaves a cluster without a name: whether the word is right is known once its exemplar was labelled.
    """
    called_K = _called(words, clustering.slots_N)
    start, slots_N, without_slot = clustering.start, clustering.slots_N.clone(), clustering.without_slot
    left_K = torch.zeros(len(called_K), dtype=torch.float64)
    for word, slot, count in _pairs(words.said_N, clustering.slots_N):
        if int(called_K[slot]) in (word, NO_WORD) or count < _FEWEST_FRAMES:
            continue
        if start.live_clusters == len(called_K):
            without_slot += 1
            continue
        own_N = (words.said_N == word) & (clustering.slots_N == slot)
        free = int(torch.nonzero(~start.live_K)[0])
        start = start.with_added(coordinates_ND[own_N].mean(0, keepdim=True))
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
        if int(words.called_K[slot]) == NO_WORD and enough:
            called_K[slot] = word
    return called_K


def _pairs(said_N: Tensor, slots_N: Tensor) -> list[tuple[int, int, int]]:
    """Return ``(word, slot, frames)`` of the frames of which something was said, each pair of word and slot once."""
    spoken_N = said_N >= 0
    pairs_P2, counts_P = torch.unique(
        torch.stack([said_N[spoken_N], slots_N[spoken_N]], dim=1), dim=0, return_counts=True
    )
    return [(word, slot, count) for (word, slot), count in zip(pairs_P2.tolist(), counts_P.tolist(), strict=True)]
