"""Image files on disk: found below a folder, read whole, made to fit what a frame may weigh."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from prometheus_client import Counter
from tqdm import tqdm

from stream.image_codec import Pixels, content_type_of, decode_image, encode_jpeg, encode_png
from stream.process.errors import InvalidImage, SourceUnavailable
from stream.process.settings import StreamSettings

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_MOST_FILE_BYTES = 64 * 1024**2
_MOST_FILE_PIXELS = 100_000_000  # 300 MB decoded, one file at a time
_SHRUNK_SIDE_PIXELS = 1024
_SMALLEST_SIDE_PIXELS = 8
_BAR_AFTER_SECONDS = 2.0
_JPEG_QUALITY = 90
_SKIPPED = Counter("r2r_feed_files_skipped_total", "Image files that could not be read and were left out", ["reason"])
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodedImage:
    """An image as it travels: its content type and its bytes."""

    content_type: str
    data: bytes


def image_paths(folder: Path) -> list[str]:
    """Return the paths of all image files below ``folder``, relative to it, in no order.

    An image file ends in one of `SUFFIXES`, in any case; what begins with a dot is not looked at. Links to folders are
    not followed. After two seconds a progress bar tells how many were found.

    Raises
    ------
    SourceUnavailable
        The folder cannot be listed.

    Examples
    --------
    >>> image_paths(Path(__file__).parent)
    []
    """
    found = _walk(folder)
    return list(tqdm(found, desc="find images", unit="file", disable=None, delay=_BAR_AFTER_SECONDS, leave=False))


def read_image_file(path: Path, settings: StreamSettings) -> EncodedImage:
    """Read one file and decode it to be sure that it is whole; its bytes stay as they are.

    Only a file above ``max_image_bytes`` or ``max_image_pixels`` is made to fit (`fitted`).

    Raises
    ------
    InvalidImage
        ``unreadable``, or what `decode_image` finds.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_FILE_BYTES + 1)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}); check that it is there and allowed to you"
        raise InvalidImage(message, reason="unreadable") from error
    pixels = decode_image(data, _MOST_FILE_BYTES, _MOST_FILE_PIXELS)
    content_type = content_type_of(data)
    if len(data) <= settings.max_image_bytes and pixels.shape[0] * pixels.shape[1] <= settings.max_image_pixels:
        return EncodedImage(content_type, data)
    return fitted(pixels, "image/jpeg", settings)


def fitted(pixels: Pixels, content_type: str, settings: StreamSettings) -> EncodedImage:
    """Encode within ``max_image_bytes`` and ``max_image_pixels``.

    As PNG, unless ``content_type`` is JPEG already; as JPEG of quality 90 where that is too large; and scaled down to
    1,024 pixels at the longer side, or further, where that is too large as well.

    Raises
    ------
    InvalidImage
        Not even 8 pixels fit (``too_many_bytes``).
    """
    if pixels.shape[0] * pixels.shape[1] <= settings.max_image_pixels:
        if content_type != "image/jpeg" and len(data := encode_png(pixels)) <= settings.max_image_bytes:
            return EncodedImage("image/png", data)
        if len(data := encode_jpeg(pixels, _JPEG_QUALITY)) <= settings.max_image_bytes:
            return EncodedImage("image/jpeg", data)
    longest = max(pixels.shape[:2])
    if longest <= _SMALLEST_SIDE_PIXELS:
        message = f"no image fits into {settings.max_image_bytes} bytes; raise stream.max_image_bytes"
        raise InvalidImage(message, reason="too_many_bytes")
    side = _SHRUNK_SIDE_PIXELS if longest > _SHRUNK_SIDE_PIXELS else longest // 2
    return fitted(_shrunk(pixels, side), "image/jpeg", settings)


def note_skipped(path: str, error: InvalidImage) -> None:
    """Count a file that is left out, and say why in the log."""
    _SKIPPED.labels(error.reason).inc()
    _log.warning("%s is left out (%s): %s", path, error.reason, error)


def _walk(folder: Path) -> Iterator[str]:
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(folder / inside) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    path = os.path.join(inside, entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
                    elif entry.name.lower().endswith(SUFFIXES):
                        yield path
        except FileNotFoundError:
            if not inside:
                raise _no_folder(folder, "it is not there") from None
        except OSError as error:
            raise _no_folder(folder / inside, str(error.strerror)) from error


def _shrunk(pixels: Pixels, side: int) -> Pixels:
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.array(image)


def _no_folder(folder: Path, reason: str) -> SourceUnavailable:
    message = f"the folder {folder} cannot be read ({reason}); name another"
    return SourceUnavailable(message)
