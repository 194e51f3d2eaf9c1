"""Frames that came before: a window over the sequence numbers of each source, as in anti-replay windows (RFC 4303)."""

from dataclasses import dataclass, field

_WIDTH = 1024
_MOST_SOURCES = 4096
_MASK = (1 << _WIDTH) - 1


@dataclass
class ResendWindows:
    """The highest sequence of each source and a bit for each of the 1,024 below it; at most 4,096 sources.

    Examples
    --------
    >>> windows = ResendWindows()
    >>> [windows.admit("camera", sequence) for sequence in (0, 2, 1, 2)]
    [True, True, True, False]
    """

    _windows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def admit(self, source: str, sequence: int) -> bool:
        """Note the frame and say whether it is new; one older than the window counts as seen."""
        highest, bits = self._windows.pop(source, (-1, 0))
        if sequence > highest:
            bits = ((bits << (sequence - highest)) | 1) & _MASK if sequence - highest < _WIDTH else 1
            highest, new = sequence, True
        else:
            behind = highest - sequence
            new = behind < _WIDTH and not bits >> behind & 1
            bits |= 1 << behind if new else 0
        self._windows[source] = (highest, bits)  # last in order: the source seen longest ago leaves first
        if len(self._windows) > _MOST_SOURCES:
            del self._windows[next(iter(self._windows))]
        return new

    def to_state(self) -> list[list[str | int]]:
        """Return ``[source, highest, bits in hexadecimal]`` in the order in which sources would be forgotten."""
        return [[source, highest, f"{bits:x}"] for source, (highest, bits) in self._windows.items()]

    @classmethod
    def from_state(cls, state: list[list[str | int]]) -> "ResendWindows":
        """Return what `to_state` described."""
        return cls({str(source): (int(highest), int(str(bits), 16)) for source, highest, bits in state})
