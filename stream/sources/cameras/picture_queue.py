"""Pictures between the thread that reads a camera and the one that sends: bounded bytes, and the oldest gives way."""

import threading
from collections import deque
from dataclasses import dataclass

from prometheus_client import Counter

from stream.image_codec import Pixels

_LOOK_SECONDS = 1.0
_DROPPED = Counter("r2r_feed_frames_dropped_total", "Pictures of a camera that gave way because the feed was behind")


@dataclass(frozen=True)
class Picture:
    """One decoded picture and when it was taken, in Unix milliseconds."""

    pixels: Pixels
    time_ms: int


class PictureQueue:
    """Holds at most ``max_bytes`` of pictures, and always at least one.

    Parameters
    ----------
    drops
        What `put` does where there is no room: drop the oldest (a live camera), or wait (a video file).
    """

    def __init__(self, max_bytes: int, drops: bool) -> None:
        self._max_bytes = max_bytes
        self._drops = drops
        self._changed = threading.Condition()
        self._pictures: deque[Picture] = deque()
        self._bytes = 0
        self._ended = False
        self._dropped = 0
        self._left = 0

    @property
    def ended(self) -> bool:
        """Nothing more will come, and nothing is left."""
        with self._changed:
            return self._ended and not self._pictures

    @property
    def size_bytes(self) -> int:
        """Bytes of the pictures that wait."""
        return self._bytes

    @property
    def dropped(self) -> int:
        """How many pictures gave way because nobody took them in time."""
        return self._dropped

    @property
    def left(self) -> int:
        """How many waited when the queue was closed, or came after its end."""
        return self._left

    def put(self, picture: Picture) -> None:
        """Add one picture; after the end it is left out itself."""
        with self._changed:
            while self._is_full(picture) and not self._ended:
                if self._drops:
                    self._pop()
                    self._dropped += 1
                    _DROPPED.inc()
                else:
                    self._changed.wait(_LOOK_SECONDS)
            if self._ended:
                self._left += 1
            else:
                self._pictures.append(picture)
                self._bytes += picture.pixels.nbytes
            self._changed.notify_all()

    def take(self, limit: int, timeout_seconds: float) -> list[Picture]:
        """Return at most ``limit`` of the oldest pictures; waits for the first, but never past the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pictures or self._ended, timeout_seconds)
            taken = [self._pop() for _ in range(min(limit, len(self._pictures)))]
            self._changed.notify_all()
        return taken

    def end(self) -> None:
        """Let `take` empty the queue, and `put` leave out what still comes."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """End, and let go of what waits; may be called again."""
        self.end()
        with self._changed:
            self._left += len(self._pictures)
            self._pictures.clear()
            self._bytes = 0

    def _is_full(self, picture: Picture) -> bool:
        return bool(self._pictures) and self._bytes + picture.pixels.nbytes > self._max_bytes

    def _pop(self) -> Picture:
        picture = self._pictures.popleft()
        self._bytes -= picture.pixels.nbytes
        return picture
