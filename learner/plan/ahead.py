"""Decode the images that the next plan will have, and poll for more, while a plan is executed.

Decoding 64 small images takes 8 ms, scoring them 25 ms in which Python is hardly needed.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from stream.log import FrameLog
from stream.process.errors import InvalidImage

_MOST_BYTES = 16 * 1024**2

_Decoded = dict[bytes, NDArray[np.uint8] | InvalidImage]


class Ahead:
    """A decoder that may have begun before it is asked; what it returns and raises is the same.

    Memory: at most 32 MiB of pixels, of two plans, and an image more of each; what is beyond is decoded when it is
    asked for.

    Parameters
    ----------
    decode
        What decodes one image, or raises `InvalidImage`.
    """

    def __init__(self, decode: Callable[[bytes], NDArray[np.uint8]]) -> None:
        self._decode = decode
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._job: Future[_Decoded] | None = None
        self._decoded: _Decoded = {}

    def begin(self, images: Sequence[bytes], log: FrameLog) -> None:
        """Decode the images and poll the log in the background.

        Until `wait` returns nobody else may poll, seek or take from the log, and the images that were begun before can
        be asked for; then those are forgotten, unless they are among these.
        """
        self.wait()
        known = {data: self._decoded[data] for data in images if data in self._decoded}
        self._job = self._thread.submit(self._run, images, known, log)

    def wait(self) -> None:
        """Return once what was begun is done; raises what `stream.log.FrameLog.poll` raised."""
        if self._job is not None:
            job, self._job = self._job, None
            self._decoded = job.result()

    def __call__(self, data: bytes) -> NDArray[np.uint8]:
        """Return the pixels of one image.

        Raises
        ------
        InvalidImage
            As ``decode``.
        """
        found = self._decoded.pop(data, None)
        if isinstance(found, InvalidImage):
            raise found
        return self._decode(data) if found is None else found

    def close(self) -> None:
        """End the thread; may be called again."""
        self._thread.shutdown(cancel_futures=True)

    def _run(self, images: Sequence[bytes], known: _Decoded, log: FrameLog) -> _Decoded:
        decoded: _Decoded = {}
        held_bytes = 0
        for data in images:
            found = decoded[data] = known[data] if data in known else self._tried(data)
            held_bytes += 0 if isinstance(found, InvalidImage) else found.nbytes
            if held_bytes > _MOST_BYTES:
                break
        log.poll(0.0)
        return decoded

    def _tried(self, data: bytes) -> NDArray[np.uint8] | InvalidImage:
        try:
            return self._decode(data)
        except InvalidImage as error:
            return error
