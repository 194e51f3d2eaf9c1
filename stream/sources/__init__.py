"""Where frames come from: one contract, one file for each kind of source."""

from dataclasses import dataclass
from typing import Protocol

from stream.frame import Frame
from stream.messages import Truth


@dataclass(frozen=True)
class LabelledFrame:
    """A frame and, where the source knows it, its true label, which travels apart from it (decision 0003)."""

    frame: Frame
    truth: Truth | None


class FrameSource(Protocol):
    """Gives frames in order, each once; called by one thread.

    A crash loses nothing but the position: a source that is opened again under the same name gives the same frames
    with the same identities from the start, and the learner drops those it has seen.
    """

    @property
    def position(self) -> int:
        """How many frames were given."""
        ...

    def next_frames(self, limit: int) -> list[LabelledFrame]:
        """Return at most ``limit`` (1 or more) further frames; the empty list means that the source has ended for good.

        May block until the first of them is there. The frames of one ``source`` stand in the order of ``sequence``,
        which has no gaps.

        Raises
        ------
        SourceUnavailable
            The source cannot be read, or was closed.
        """
        ...

    def close(self) -> None:
        """Let go of files and devices; a second call does nothing."""
        ...
