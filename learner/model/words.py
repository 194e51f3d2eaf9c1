"""What a labeller says of an update's frames, and what clusters are called, as numbers.

Axes: N frames, K slots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

NO_WORD = -1
_BELIEVED = 0.9  # share of a window's words that agree with settled names


@dataclass(frozen=True)
class Words:
    """The number of each frame's word, and of the word that each slot's cluster is called; -1 where there is none.

    Names that persons gave are not the labeller's words and are not among them.

    Parameters
    ----------
    vocabulary
        The words, by number.
    said_N, called_K
        int64.
    settled_K
        True where a name is no longer in question.
    spoken
        Whether a word was said of any frame, be it believed or not.
    """

    vocabulary: tuple[str, ...]
    said_N: Tensor
    called_K: Tensor
    settled_K: Tensor
    spoken: bool = True

    @classmethod
    def of(cls, said: Sequence[str], called: Sequence[str], settled: Sequence[bool]) -> "Words":
        """Return as numbers the word of each frame and of each slot's cluster; the empty word is none."""
        vocabulary = tuple(sorted({*said, *called} - {""}))
        numbers = {"": NO_WORD} | {word: number for number, word in enumerate(vocabulary)}
        return cls(
            vocabulary,
            torch.tensor([numbers[word] for word in said], dtype=torch.int64),
            torch.tensor([numbers[word] for word in called], dtype=torch.int64),
            torch.tensor(settled, dtype=torch.bool),
            any(said),
        )

    def believed(self, slots_N: Tensor) -> "Words":
        """Return the words that count, of frames whose clusters are in ``slots_N``.

        A labeller is believed while it agrees with the names that it has settled. Where fewer than 90 % of its words
        agree, words count only in clusters whose names are not settled yet.
        """
        asked_N = (self.said_N >= 0) & self.settled_K[slots_N]
        agreed_N = self.said_N[asked_N] == self.called_K[slots_N][asked_N]
        if bool(asked_N.any()) and float(agreed_N.double().mean()) < _BELIEVED:
            return replace(self, said_N=torch.where(asked_N, NO_WORD, self.said_N))
        return self
