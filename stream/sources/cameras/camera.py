"""A camera, a video file or a stream's URL, as an unlabelled source."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from stream.frame import Frame
from stream.image_codec import encode_jpeg
from stream.process.errors import SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources import LabelledFrame
from stream.sources.cameras.camera_reader import CameraOptions, CameraReader, Clocks
from stream.sources.cameras.picture_queue import Picture
from stream.sources.cameras.video import Address
from stream.sources.folders.image_files import EncodedImage, fitted

_LOOK_SECONDS = 0.2
_CLOSE_SECONDS = 3.0


@dataclass(frozen=True)
class Account:
    """Where the pictures went; once the source is closed, ``decoded = given + dropped + thinned + left``.

    What gave way because the feed was behind was dropped, what waited when the source was closed is left.
    """

    decoded: int
    given: int
    dropped: int
    thinned: int
    left: int


class CameraSource:
    """The pictures of one camera as JPEG; see `stream.sources.FrameSource` for the contract.

    A recording is known by ``name``, so that the same name again is a resend. A live camera never shows the same twice,
    so its stream is ``<name>/<second of the start>``; and so is one of a recording without a name, called for its
    address. A picture's time is when it arrived; in a recording it is the recording's own, counted from the opening.

    Raises
    ------
    SourceUnavailable
        The camera cannot be opened.
    """

    def __init__(
        self,
        address: Address,
        name: str | None,
        options: CameraOptions,
        settings: StreamSettings,
        stopping: threading.Event,
        clocks: Clocks | None = None,
    ) -> None:
        clocks = clocks or Clocks()
        self._address = address
        self._options = options
        self._settings = settings
        self._stopping = stopping
        self._closed = False
        self._reader = CameraReader(address, options, clocks)
        started = datetime.fromtimestamp(clocks.now_ms() / 1000, UTC)
        new = self._reader.live or name is None
        self._name = f"{name or address.stem}/{started:%Y%m%dT%H%M%SZ}" if new else str(name)
        self._position = 0

    @property
    def position(self) -> int:
        """How many frames were given."""
        return self._position

    @property
    def account(self) -> Account:
        """Where the pictures went so far."""
        reader = self._reader
        return Account(reader.decoded, self._position, reader.queue.dropped, reader.thinned, reader.queue.left)

    def next_frames(self, limit: int) -> list[LabelledFrame]:
        """Return at most ``limit`` further frames; see `FrameSource`. Waits for the first, but not past ``stopping``.

        Raises
        ------
        SourceUnavailable
            The camera broke off for good, the crop does not fit, or the source was closed.
        """
        if self._closed:
            message = f"the camera {self._address} was closed and cannot give frames; open it again"
            raise SourceUnavailable(message)
        if not self._reader.started:
            self._reader.start()
        pictures: list[Picture] = []
        while not pictures and not self._stopping.is_set() and not self._reader.queue.ended:
            pictures = self._reader.queue.take(limit, _LOOK_SECONDS)
        if not pictures and self._reader.queue.ended:
            self._reader.check()
        frames = [self._frame(picture, self._position + n) for n, picture in enumerate(pictures)]
        self._position += len(frames)
        return frames

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._closed = True
        self._reader.stop(_CLOSE_SECONDS)

    def _frame(self, picture: Picture, number: int) -> LabelledFrame:
        image = EncodedImage("image/jpeg", encode_jpeg(picture.pixels, self._options.jpeg_quality))
        if len(image.data) > self._settings.max_image_bytes:
            image = fitted(picture.pixels, "image/jpeg", self._settings)
        frame = Frame(self._name, str(number), number, image.content_type, image.data, picture.time_ms)
        return LabelledFrame(frame, None)
