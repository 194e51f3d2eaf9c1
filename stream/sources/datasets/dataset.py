"""A data set as a stream: its images in a given order, dealt over several sources."""

from collections.abc import Sequence
from typing import Protocol

from stream.frame import Frame
from stream.messages.truth import Truth
from stream.process.errors import InvalidImage, SourceUnavailable
from stream.sources import LabelledFrame
from stream.sources.datasets.orders import Labels
from stream.sources.folders.image_files import EncodedImage, note_skipped


class LabelledImages(Protocol):
    """Images by index, each encoded when it is asked for: a pack, a tree of folders, a set of torchvision."""

    @property
    def stream_labels(self) -> Labels:
        """The label of each image, int64, [images]; 0 up, without gaps."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The classes' names by label."""
        ...

    def encoded(self, index: int) -> EncodedImage:
        """Return image ``index``; the same each time.

        Raises
        ------
        InvalidImage
            It cannot be read.
        """
        ...


class DatasetSource:
    """The images of a set; the frame given as number i belongs to source ``<name>/<i % sources>``.

    An image that cannot be read is left out, counted and named in the log.

    Parameters
    ----------
    order
        Indices into the set, in the order in which they are given.
    sources
        How many sources the frames are dealt over, 1 or more; each counts its own from 0.
    name
        A stream is known by it: the same name again is a resend, which the learner drops.
    """

    def __init__(self, images: LabelledImages, order: Sequence[int], sources: int, name: str) -> None:
        self._images = images
        self._order = order
        self._sources = sources
        self._name = name
        self._next = 0
        self._position = 0
        self._closed = False

    @property
    def position(self) -> int:
        """How many frames were given."""
        return self._position

    def next_frames(self, limit: int) -> list[LabelledFrame]:
        """Return at most ``limit`` further frames; the empty list at the end. Never waits.

        Raises
        ------
        SourceUnavailable
            The source was closed.
        """
        if self._closed:
            message = f"the source {self._name!r} was closed and cannot give frames; open it again"
            raise SourceUnavailable(message)
        frames: list[LabelledFrame] = []
        while len(frames) < limit and self._next < len(self._order):
            index = self._order[self._next]
            self._next += 1
            try:
                image = self._images.encoded(index)
            except InvalidImage as error:
                note_skipped(f"image {index} of {self._name}", error)
                continue
            frames.append(self._frame(index, image, self._position + len(frames)))
        self._position += len(frames)
        return frames

    def close(self) -> None:
        """Give no more frames."""
        self._closed = True

    def _frame(self, index: int, image: EncodedImage, number: int) -> LabelledFrame:
        sequence, source = divmod(number, self._sources)
        frame = Frame(f"{self._name}/{source}", str(sequence), sequence, image.content_type, image.data)
        label = int(self._images.stream_labels[index])
        return LabelledFrame(frame, Truth(label, self._images.names[label]))


def identity_at(name: str, sources: int, number: int) -> str:
    """Return the identity that `DatasetSource` gives to frame ``number``.

    Examples
    --------
    >>> identity_at("digits", sources=3, number=7)
    'digits/1|2'
    """
    sequence, source = divmod(number, sources)
    return f"{name}/{source}|{sequence}"
