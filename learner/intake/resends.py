"""Frames that came before: a window over the sequence numbers of each source, as in anti-replay windows (RFC 4303)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from learner.part import Saved
from learner.settings import LearnerSettings

_WIDTH = 1024
_MOST_SOURCES = 4096
_MASK = (1 << _WIDTH) - 1


class SequenceWindow(NamedTuple):
    """The highest sequence of a source, and a bit for each of it and the 1,023 below: whether that one came."""

    highest: int = -1
    bits: int = 0

    def has(self, sequence: int) -> bool:
        """Say whether the sequence came before; one below the window counts as come."""
        behind = self.highest - sequence
        return behind >= 0 and (behind >= _WIDTH or bool(self.bits >> behind & 1))

    def noted(self, sequence: int) -> "SequenceWindow":
        """Return the window with this sequence in it."""
        ahead = sequence - self.highest
        if ahead > 0:
            return SequenceWindow(sequence, ((self.bits << ahead) | 1) & _MASK if ahead < _WIDTH else 1)
        return SequenceWindow(self.highest, self.bits | 1 << -ahead) if -ahead < _WIDTH else self


@dataclass(frozen=True)
class ResendWindows:
    """The window of each of at most 4,096 sources, the source seen longest ago first.

    Examples
    --------
    >>> windows, resent = ResendWindows().noted("camera", 2)
    >>> windows, resent_again = windows.noted("camera", 2)
    >>> resent, resent_again
    (False, True)
    """

    by_source: Mapping[str, SequenceWindow] = field(default_factory=dict)

    def noted(self, source: str, sequence: int) -> tuple[Self, bool]:
        """Return the windows after a frame, and whether it came before."""
        windows = dict(self.by_source)
        window = windows.pop(source, SequenceWindow())
        windows[source] = window.noted(sequence)  # last in order
        if len(windows) > _MOST_SOURCES:
            del windows[next(iter(windows))]
        return type(self)(windows), window.has(sequence)

    def save(self) -> Saved:
        """See `Part.save`: ``[source, highest, bits in hexadecimal]``, in order."""
        return Saved({"windows": [[name, one.highest, f"{one.bits:x}"] for name, one in self.by_source.items()]})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  the contract's
        """See `Part.load`."""
        windows = saved.values["windows"]
        return cls({name: SequenceWindow(int(highest), int(bits, 16)) for name, highest, bits in windows})
