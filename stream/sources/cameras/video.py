"""Cameras and videos through FFmpeg (PyAV; decision 0007): open, decode, close. The one place that knows its errors."""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from stream.image_codec import Pixels
from stream.process.errors import SourceUnavailable

_SCHEMES = ("rtsp", "rtsps", "http", "https")
_DEVICE = re.compile(r"\d{1,3}|/dev/video\d{1,3}")
_DEVICE_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
_LONGEST_STEM = 60
_ASSUMED_FRAMES_PER_SECOND = 25.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """Where pictures come from: a device (``0``, ``/dev/video0``), a file, or an rtsp or http URL."""

    text: str

    @property
    def is_device(self) -> bool:
        """Whether it is a camera at this machine."""
        return _DEVICE.fullmatch(self.text) is not None

    @property
    def is_url(self) -> bool:
        """Whether it is a URL of a kind that is read."""
        return urlsplit(self.text).scheme.lower() in _SCHEMES and "://" in self.text

    @property
    def is_file(self) -> bool:
        """Whether it is neither device nor URL."""
        return not (self.is_device or self.is_url)

    @property
    def stem(self) -> str:
        """What a stream from here may be called.

        Examples
        --------
        >>> Address("clips/door 1.mp4").stem, Address("rtsp://10.0.0.7:554/live").stem, Address("/dev/video0").stem
        ('door-1', '10.0.0.7-554-live', 'video0')
        """
        text = Path(self.text).stem if self.is_file else str(self).split("://")[-1].removeprefix("/dev/")
        return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[-_LONGEST_STEM:].strip("-.") or "camera"

    def __str__(self) -> str:
        """Return it as it may be shown: without user and password, and without a query.

        Examples
        --------
        >>> str(Address("rtsp://me:secret@10.0.0.7:554/stream?token=1"))
        'rtsp://10.0.0.7:554/stream'
        """
        if not self.is_url:
            return self.text
        parts = urlsplit(self.text)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True)
class DecodedPicture:
    """One picture, and how many seconds after the video's first it stands."""

    frame: VideoFrame
    seconds: float
    reformatter: VideoReformatter

    def pixels(self) -> Pixels:
        """Return uint8 [height, width, 3]."""
        # One thread and a kept context; `frame.to_ndarray` alone makes both anew, at two thirds of the frames a second.
        rgb = self.reformatter.reformat(self.frame, format="rgb24", threads=1)
        return rgb.to_ndarray().astype(np.uint8, copy=False)


class Video:
    """One connection.

    Parameters
    ----------
    options
        FFmpeg's, such as ``{"rtsp_transport": "udp"}``.
    timeout_seconds
        How long to wait for the connection, and for each piece of data.

    Raises
    ------
    SourceUnavailable
        It cannot be opened, or holds no video.
    """

    def __init__(self, address: Address, options: Mapping[str, str], timeout_seconds: float) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._reformatter = VideoReformatter()
        try:
            self._container = _open(address, options, timeout_seconds)
        except (av.error.FFmpegError, OSError) as error:
            raise _unavailable(address, "cannot be opened", error, timeout_seconds) from None
        self._stream = self._video_stream()

    @property
    def ends(self) -> bool:
        """Whether its end is the end, as that of a recording; a live camera that ends has broken off."""
        return self._address.is_file or self._container.duration is not None

    @property
    def seconds_per_frame(self) -> float:
        """The distance of two pictures, assumed where the stream does not tell."""
        return 1 / float(self._stream.average_rate or _ASSUMED_FRAMES_PER_SECOND)

    def pictures(self) -> Iterator[DecodedPicture]:
        """Decode until the end; damaged packets, as a lossy network brings them, are passed over.

        Raises
        ------
        SourceUnavailable
            The connection broke, or gave nothing for the timeout.
        """
        seconds = -self.seconds_per_frame
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    _log.warning("a damaged packet of %s is passed over", self._address)
                    continue
                for frame in frames:
                    seconds = self._seconds_of(frame, seconds + self.seconds_per_frame)
                    yield DecodedPicture(frame, seconds, self._reformatter)
        except (av.error.FFmpegError, OSError) as error:
            raise _unavailable(self._address, "broke off", error, self._timeout_seconds) from None

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._container.close()

    def _video_stream(self) -> VideoStream:
        streams = self._container.streams.video
        if streams:
            return streams[0]
        self._container.close()
        message = f"the camera {self._address} has no video stream; name another address"
        raise SourceUnavailable(message)

    def _seconds_of(self, frame: VideoFrame, otherwise: float) -> float:
        if frame.pts is None or frame.time_base is None:
            return otherwise
        return float((frame.pts - (self._stream.start_time or 0)) * frame.time_base)


def _open(address: Address, options: Mapping[str, str], timeout_seconds: float) -> InputContainer:
    if address.is_device:
        device = f"/dev/video{address.text}" if address.text.isdigit() and sys.platform == "linux" else address.text
        return av.open(device, format=_DEVICE_FORMATS.get(sys.platform), options=dict(options))
    if address.is_url:
        over_tcp = {"rtsp_transport": "tcp"} if address.text.lower().startswith("rtsp") else {}
        return av.open(address.text, options={**over_tcp, **options}, timeout=timeout_seconds)
    file = Path(address.text)
    if not file.is_file():
        message = "there is no such file, and it is neither a device nor an rtsp or http URL"
        raise FileNotFoundError(2, message)
    return av.open(f"file:{file.absolute()}", options=dict(options))


def _unavailable(address: Address, what: str, error: Exception, timeout_seconds: float) -> SourceUnavailable:
    """Say it without the error's own text, which would show a password; for the same reason it is not chained."""
    late = isinstance(error, av.error.ExitError)
    reason = (
        f"no answer within {timeout_seconds:g} s" if late else getattr(error, "strerror", "") or type(error).__name__
    )
    message = f"the camera {address} {what} ({reason}); check the address and that it can be reached"
    return SourceUnavailable(message)
