"""What the labeller says of single frames: words that wait for the update that learns from these frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from learner.intake.window import Place

_SURE = 0.9  # the labeller's probabilities are calibrated


class FrameLabel(NamedTuple):
    """The labeller's word for the frame at a place, empty where it abstained, and how probable it is."""

    place: Place
    word: str
    score: float

    @property
    def is_sure(self) -> bool:
        """Whether it counts."""
        return bool(self.word) and self.score >= _SURE


@dataclass
class FrameLabels:
    """Words by the place of their frame; an update uses them up, so no more than were asked for are there."""

    words: dict[Place, str] = field(default_factory=dict)

    def hear(self, label: FrameLabel) -> None:
        """Remember a sure label."""
        self.words[label.place] = label.word

    def of(self, places: Iterable[Place]) -> list[str]:
        """Return the word of each frame; empty where none is known.

        Examples
        --------
        >>> FrameLabels({Place(0, 7): "cat"}).of([Place(0, 6), Place(0, 7)])
        ['', 'cat']
        """
        return [self.words.get(place, "") for place in places]

    def to_state(self) -> list[list[int | str]]:
        """Return ``[partition, offset, word]`` of each frame, in order."""
        return [[*place, word] for place, word in sorted(self.words.items())]

    @classmethod
    def from_state(cls, entries: Sequence[Sequence[int | str]]) -> "FrameLabels":
        """Return what `to_state` described."""
        return cls({Place(int(partition), int(offset)): str(word) for partition, offset, word in entries})
