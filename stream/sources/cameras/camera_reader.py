"""The thread that reads a camera: decodes, keeps to the rate, cuts and scales, and connects again after a break."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import Counter

from stream.process.clock import now_ms
from stream.process.errors import R2RError, SourceUnavailable
from stream.sources.cameras.backoff import Backoff
from stream.sources.cameras.picture_queue import Picture, PictureQueue
from stream.sources.cameras.thinning import Thinning
from stream.sources.cameras.video import Address, DecodedPicture, Video
from stream.sources.cameras.view import View

_THINNED = Counter("r2r_feed_frames_thinned_total", "Pictures of a camera left out to keep to the rate asked for")
_RECONNECTS = Counter("r2r_feed_reconnects_total", "Times that a camera was connected again after it had broken off")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CameraOptions:
    """How a camera is read.

    Parameters
    ----------
    frames_per_second
        At most so many pictures of each second of the camera's time are kept; 0 for all.
    realtime, loop
        Of a recording: play it at its own speed; begin anew when it ends.
    ffmpeg
        FFmpeg's own options.
    timeout_seconds
        For the connection and for each piece of data.
    first_wait_seconds, give_up_seconds
        After a break: how soon a camera is tried again, and for how long in all.
    queue_bytes
        Of decoded pictures that wait to be sent.
    seed
        Of the tries' distances.
    """

    frames_per_second: float = 0.0
    view: View = field(default_factory=View)
    realtime: bool = False
    loop: bool = False
    ffmpeg: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 10.0
    first_wait_seconds: float = 0.5
    give_up_seconds: float = 300.0
    queue_bytes: int = 64 * 1024**2
    jpeg_quality: int = 90
    seed: int = 0


@dataclass(frozen=True)
class Clocks:
    """Unix milliseconds, and monotonic seconds."""

    now_ms: Callable[[], int] = now_ms
    monotonic: Callable[[], float] = time.monotonic


class CameraReader:
    """Fills ``queue`` from a thread of its own until the camera ends, is given up, or the reader is stopped.

    A live camera never waits: what finds no room makes the oldest give way. A recording waits, unless it is played in
    real time. A recording behind a URL that breaks off is read again from where it was.

    Raises
    ------
    SourceUnavailable
        The first connection fails.
    """

    def __init__(self, address: Address, options: CameraOptions, clocks: Clocks) -> None:
        self._address = address
        self._options = options
        self._clocks = clocks
        self._stopping = threading.Event()
        self._backoff = Backoff(options.first_wait_seconds, options.give_up_seconds, options.seed, clocks.monotonic)
        self._thinning = Thinning(options.frames_per_second)
        self._video = self._connect()
        self._opened_ms = clocks.now_ms()
        self._played_from: float | None = None
        self._base_seconds = 0.0
        self._last_seconds = -1.0
        self._known_seconds = -1.0
        self._error: R2RError | None = None
        self.decoded = 0
        self.thinned = 0
        self.live = not self._video.ends
        self.queue = PictureQueue(options.queue_bytes, drops=self.live or options.realtime)
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def start(self) -> None:
        """Begin to read; until then nothing is missed but by a live camera."""
        self._thread.start()

    @property
    def started(self) -> bool:
        """Whether it was begun."""
        return self._thread.ident is not None

    def check(self) -> None:
        """Raise what ended the reading, if it was not the camera's own end."""
        if self._error is not None:
            raise self._error

    def stop(self, deadline_seconds: float) -> None:
        """End the reading; a connection that waits for data is left to its own timeout once the deadline is over."""
        self._stopping.set()
        self.queue.close()
        if self.started:
            self._thread.join(deadline_seconds)
        else:
            self._video.close()

    def _run(self) -> None:
        try:
            self._read()
        except R2RError as error:
            self._error = error
        except Exception as error:  # the thread's last line of defence: `check` tells it to the role
            _log.exception("the camera's thread stopped")
            message = (
                f"the camera {self._address} failed unexpectedly ({type(error).__name__}); the trace is in the log"
            )
            self._error = SourceUnavailable(message)
        finally:
            self._video.close()
            self.queue.end()

    def _read(self) -> None:
        while True:
            broken = self._play()
            if self._stopping.is_set() or (broken is None and not self._options.loop):
                return
            if broken is None:
                self._begin_anew()
            elif not self._reconnect(broken):
                return

    def _play(self) -> str | None:
        """Take pictures to the end; return None at a recording's own end, otherwise why the camera broke off."""
        try:
            for picture in self._video.pictures():
                self._backoff.reset()
                self._take(picture)
                if self._stopping.is_set():
                    return None
        except SourceUnavailable as error:
            if self._address.is_file:
                raise
            return str(error)
        return None if self._video.ends else f"the stream of the camera {self._address} ended"

    def _take(self, picture: DecodedPicture) -> None:
        """Put one picture into the queue, unless it was there before a break or its second is full."""
        seconds = self._base_seconds + picture.seconds
        if seconds <= self._known_seconds:
            return
        self._last_seconds = seconds
        self.decoded += 1
        time_ms = self._clocks.now_ms() if self.live else self._opened_ms + round(seconds * 1000)
        if not self._thinning.keep(time_ms):
            self.thinned += 1
            _THINNED.inc()
            return
        if self._options.realtime and not self.live:
            self._wait_until_due(seconds)
        self.queue.put(Picture(self._options.view.of(picture.pixels()), time_ms))

    def _wait_until_due(self, seconds: float) -> None:
        now = self._clocks.monotonic()
        if self._played_from is None:
            self._played_from = now - seconds
        self._stopping.wait(max(0.0, self._played_from + seconds - now))

    def _begin_anew(self) -> None:
        """Play a recording again, its times going on."""
        if self._last_seconds < self._base_seconds:
            message = f"the camera {self._address} has no pictures to play again; name another address"
            raise SourceUnavailable(message)
        self._base_seconds = self._last_seconds + self._video.seconds_per_frame
        self._video.close()
        self._video = self._connect()

    def _reconnect(self, reason: str) -> bool:
        """Try until the camera is there again; return False if told to stop meanwhile."""
        self._video.close()
        self._known_seconds = -1.0 if self.live else self._last_seconds
        while True:
            wait = self._backoff.next_wait()
            if wait is None:
                message = (
                    f"the camera {self._address} did not come back within {self._options.give_up_seconds:g} s "
                    f"({reason}); start the feed again when it does, or wait longer with --give-up-after"
                )
                raise SourceUnavailable(message)
            _log.warning("%s; trying again in %.1f s", reason, wait)
            if self._stopping.wait(wait):
                return False
            try:
                self._video = self._connect()
            except SourceUnavailable as error:
                reason = str(error)
            else:
                _log.info("the camera %s is connected again", self._address)
                _RECONNECTS.inc()
                return True

    def _connect(self) -> Video:
        return Video(self._address, self._options.ffmpeg, self._options.timeout_seconds)
