"""Where frames come from: one contract, one file for each kind of source."""

from dataclasses import dataclass
from typing import Protocol

from stream.frame import Frame
from stream.messages.truth import Truth


@dataclass(frozen=True)
class LabelledFrame:
    """A frame and, where the source knows it, its true label, which travels apart from it (decision 0003)."""

    frame: Frame
    truth: Truth | None


class FrameSource(Protocol):
    """Gives frames in order, each once; called by one thread.

    Blocking: a source that may wait for frames without end (a watched folder, a camera) is built with the event that
    tells its role to stop; once that is set, `next_frames` returns what it has, or the empty list, within seconds.
    Order: the frames of one ``source`` stand in the order of ``sequence``, which has no gaps, whatever was left out,
    broken or dropped before.
    Crash: nothing is lost but the position. A data set or a video file that is opened again under the same name gives
    the same frames with the same identities from the start, and the learner drops those it has seen; a folder goes on
    from its journal, with what was not known to be delivered; what a live camera saw in between is gone.
    """

    @property
    def position(self) -> int:
        """How many frames were given."""
        ...

    def next_frames(self, limit: int) -> list[LabelledFrame]:
        """Return at most ``limit`` (1 or more) further frames; the empty list means that the source has ended for good.

        May block until the first of them is there. A frame's ``time_ms`` is when the image was taken, None where the
        source does not know.

        Raises
        ------
        SourceUnavailable
            The source cannot be read, or was closed.
        """
        ...

    def close(self) -> None:
        """Let go of files, devices and threads, within seconds; a second call does nothing."""
        ...
