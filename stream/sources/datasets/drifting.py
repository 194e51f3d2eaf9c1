"""Any source, with drifts laid over its images."""

from collections.abc import Sequence
from dataclasses import replace

from stream.image_codec import decode_image
from stream.process.settings import StreamSettings
from stream.sources import FrameSource, LabelledFrame
from stream.sources.datasets.drifts import Drift, drifted
from stream.sources.folders.image_files import fitted


class DriftingSource:
    """Gives what ``source`` gives; from a drift's first frame on its images are changed, before it keeps its own bytes.

    Parameters
    ----------
    seed
        Of the drifts' draws, with the frame's number: a frame that is given again is bit for bit the same.
    """

    def __init__(self, source: FrameSource, drifts: Sequence[Drift], seed: int, settings: StreamSettings) -> None:
        self._source = source
        self._drifts = drifts
        self._seed = seed
        self._settings = settings

    @property
    def position(self) -> int:
        """How many frames were given."""
        return self._source.position

    def next_frames(self, limit: int) -> list[LabelledFrame]:
        """Return at most ``limit`` further frames; see `FrameSource`.

        Raises
        ------
        SourceUnavailable
            From the source.
        InvalidImage
            The source gave what is no image.
        """
        first = self._source.position
        return [self._changed(given, first + n) for n, given in enumerate(self._source.next_frames(limit))]

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _changed(self, given: LabelledFrame, number: int) -> LabelledFrame:
        if not any(drift.strength(number) for drift in self._drifts):
            return given
        frame = given.frame
        pixels = decode_image(frame.image, self._settings.max_image_bytes, self._settings.max_image_pixels)
        image = fitted(drifted(pixels, self._drifts, number, self._seed), frame.content_type, self._settings)
        return replace(given, frame=replace(frame, content_type=image.content_type, image=image.data))
