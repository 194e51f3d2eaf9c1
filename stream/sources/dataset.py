"""A data set as a stream: its images in a given order, dealt over several sources."""

from collections.abc import Sequence

from stream.errors import SourceUnavailable
from stream.frame import Frame
from stream.image_codec import encode_png
from stream.messages import Truth
from stream.sources import LabelledFrame
from stream.sources.packs import Pack


class DatasetSource:
    """The images of a pack's stream, as PNG; frame i belongs to source ``<name>/<i % sources>``.

    Parameters
    ----------
    order
        Indices into the pack's stream, in the order in which they are given.
    sources
        How many sources the frames are dealt over, 1 or more; each counts its own from 0.
    name
        A stream is known by it: the same name again is a resend, which the learner drops.
    """

    def __init__(self, pack: Pack, order: Sequence[int], sources: int, name: str) -> None:
        self._pack = pack
        self._order = order
        self._sources = sources
        self._name = name
        self._position = 0
        self._closed = False

    @property
    def position(self) -> int:
        """How many frames were given."""
        return self._position

    def next_frames(self, limit: int) -> list[LabelledFrame]:
        """Return at most ``limit`` further frames; the empty list at the end. Never blocks.

        Raises
        ------
        SourceUnavailable
            The source was closed.
        """
        if self._closed:
            message = f"the source {self._name!r} was closed and cannot give frames; open it again"
            raise SourceUnavailable(message)
        stop = min(self._position + limit, len(self._order))
        frames = [self._frame(place) for place in range(self._position, stop)]
        self._position = stop
        return frames

    def close(self) -> None:
        """Give no more frames."""
        self._closed = True

    def _frame(self, place: int) -> LabelledFrame:
        index = self._order[place]
        sequence, source = divmod(place, self._sources)
        image = encode_png(self._pack.stream_images[index])
        frame = Frame(f"{self._name}/{source}", str(sequence), sequence, "image/png", image)
        label = int(self._pack.stream_labels[index])
        return LabelledFrame(frame, Truth(label, self._pack.names[label]))
