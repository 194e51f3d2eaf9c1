"""What the labeller says of single frames: words that wait for the update that learns from these frames."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from learner.intake.window import Place
from learner.part import Saved
from learner.settings import LearnerSettings

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


@dataclass(frozen=True)
class FrameLabels:
    """Words by the place of their frame; an update uses them up, so no more than were asked for are there."""

    words: Mapping[Place, str] = field(default_factory=dict)

    def with_label(self, label: FrameLabel) -> Self:
        """Return the words with that of a label."""
        return type(self)({**self.words, label.place: label.word})

    def of(self, places: Iterable[Place]) -> list[str]:
        """Return the word of each frame; empty where none is known.

        Examples
        --------
        >>> FrameLabels({Place(0, 7): "cat"}).of([Place(0, 6), Place(0, 7)])
        ['', 'cat']
        """
        return [self.words.get(place, "") for place in places]

    def save(self) -> Saved:
        """See `Part.save`: ``[partition, offset, word]`` of each frame, in order."""
        return Saved({"words": [[*place, word] for place, word in sorted(self.words.items())]})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  the contract's
        """See `Part.load`."""
        return cls({Place(partition, offset): word for partition, offset, word in saved.values["words"]})
