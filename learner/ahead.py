"""Decode a plan's images, and poll for more, while the plan is being written.

Writing a plan waits 5 to 15 ms for Kafka; decoding 64 small images keeps a processor busy for about as long.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from stream.errors import InvalidImage
from stream.log import FrameLog

_MOST_BYTES = 32 * 1024**2


class Ahead:
    """A decoder that may have begun before it is asked; what it returns and raises is the same.

    Memory: at most 32 MiB of pixels and one image more; what is beyond is decoded when it is asked for.

    Parameters
    ----------
    decode
        What decodes one image, or raises `InvalidImage`.
    """

    def __init__(self, decode: Callable[[bytes], NDArray[np.uint8]]) -> None:
        self._decode = decode
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._job: Future[dict[bytes, NDArray[np.uint8] | InvalidImage]] | None = None
        self._decoded: dict[bytes, NDArray[np.uint8] | InvalidImage] = {}

    def begin(self, images: Sequence[bytes], log: FrameLog) -> None:
        """Decode the images and poll the log in the background; nobody else may use it until `wait` returns.

        What was begun before and not asked for is forgotten.
        """
        self.wait()
        self._job = self._thread.submit(self._run, images, log)

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
        self.wait()
        found = self._decoded.pop(data, None)
        if isinstance(found, InvalidImage):
            raise found
        return self._decode(data) if found is None else found

    def close(self) -> None:
        """End the thread; may be called again."""
        self._thread.shutdown(cancel_futures=True)

    def _run(self, images: Sequence[bytes], log: FrameLog) -> dict[bytes, NDArray[np.uint8] | InvalidImage]:
        decoded: dict[bytes, NDArray[np.uint8] | InvalidImage] = {}
        held_bytes = 0
        for data in images:
            try:
                pixels = decoded[data] = self._decode(data)
                held_bytes += pixels.nbytes
            except InvalidImage as error:
                decoded[data] = error
            if held_bytes > _MOST_BYTES:
                break
        log.poll(0.0)
        return decoded
