"""Frames that came before: a window over the sequence numbers of each source, as in anti-replay windows (RFC 4303)."""

from collections.abc import Iterable, Mapping
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
    >>> windows, resent = ResendWindows().noted([("camera", sequence) for sequence in (0, 2, 1, 2)])
    >>> resent
    [False, False, False, True]
    """

    by_source: Mapping[str, SequenceWindow] = field(default_factory=dict)

    def noted(self, frames: Iterable[tuple[str, int | None]]) -> tuple[Self, list[bool]]:
        """Return the windows after frames of ``(source, sequence)``, and which of these came before.

        A frame without a sequence never did.
        """
        windows, resent = dict(self.by_source), list[bool]()
        for source, sequence in frames:
            if sequence is None:
                resent.append(False)
                continue
            window = windows.pop(source, SequenceWindow())
            resent.append(window.has(sequence))
            windows[source] = window.noted(sequence)  # last in order
            if len(windows) > _MOST_SOURCES:
                del windows[next(iter(windows))]
        return type(self)(windows), resent

    def save(self) -> Saved:
        """See `Part.save`: ``[source, highest, bits in hexadecimal]``, in order."""
        return Saved({"windows": [[name, one.highest, f"{one.bits:x}"] for name, one in self.by_source.items()]})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  the contract's
        """See `Part.load`."""
        windows = saved.values["windows"]
        return cls({name: SequenceWindow(int(highest), int(bits, 16)) for name, highest, bits in windows})
