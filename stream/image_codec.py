"""Images to and from bytes: JPEG, PNG and WebP, with every way to fail named.

What is not plain RGB has one defined meaning: transparent pixels are laid over black; CMYK is converted without a
colour profile; of 16 bits the high byte counts; grey is repeated in three channels; a palette is looked up; the EXIF
orientation is applied; of an animation only the first frame is read. Colour profiles are ignored.
"""

import threading
import warnings
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from PIL.Image import Transpose

from stream.process.errors import InvalidImage

Pixels = npt.NDArray[np.uint8]

_MAX_SCANS = 100  # a progressive JPEG of 1 MB can ask for 50,000 passes over all its pixels; cameras write 10
_ORIENTATION = 0x0112
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
# Pillow reports oddities as warnings, and Python's filters belong to the whole process: one thread at a time sets them.
_FILTERS = threading.Lock()


def decode_image(data: bytes, max_bytes: int, max_pixels: int) -> Pixels:
    """Decode one image: the byte cap first, then the header against the pixel cap, then the pixels.

    Parameters
    ----------
    data
        A JPEG, PNG or WebP file.
    max_bytes, max_pixels
        The largest file and the largest height times width that are accepted.

    Returns
    -------
    numpy.ndarray
        uint8, [height, width, 3], red green blue.

    Raises
    ------
    InvalidImage
        ``empty_body``, ``too_many_bytes``, ``not_an_image``, ``too_many_pixels``, ``truncated`` or ``corrupt``.

    Examples
    --------
    >>> red = np.full((2, 4, 3), (255, 0, 0), np.uint8)
    >>> decode_image(encode_png(red), max_bytes=1000, max_pixels=8).shape
    (2, 4, 3)
    """
    if not data:
        message = "the body is empty; send the bytes of a JPEG, PNG or WebP image"
        raise InvalidImage(message, reason="empty_body")
    if len(data) > max_bytes:
        message = f"the image has {len(data)} bytes and at most {max_bytes} are read; send a smaller one"
        raise InvalidImage(message, reason="too_many_bytes")
    content_type = content_type_of(data)
    try:
        return _pixels(data, content_type, max_pixels)
    except InvalidImage:
        raise
    except Exception as error:  # whatever a decoder trips over, the bytes are to blame
        cut = _ends_early(data, content_type)
        state, reason = ("ends early", "truncated") if cut else ("is damaged", "corrupt")
        detail = "its header cannot be read" if isinstance(error, UnidentifiedImageError) else str(error)
        message = f"the {content_type} image {state} ({type(error).__name__}: {detail}); send it again whole"
        raise InvalidImage(message, reason=reason) from error


def content_type_of(data: bytes) -> str:
    """Tell ``image/jpeg``, ``image/png`` or ``image/webp`` by the first bytes.

    Raises
    ------
    InvalidImage
        None of the three (``not_an_image``).

    Examples
    --------
    >>> content_type_of(encode_jpeg(np.zeros((8, 8, 3), np.uint8), quality=90))
    'image/jpeg'
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    message = f"the bytes begin with {data[:8]!r}, which is no JPEG, PNG or WebP; send one of these"
    raise InvalidImage(message, reason="not_an_image")


def encode_png(image: Pixels) -> bytes:
    """Write uint8 [height, width, 3] as a PNG; the same image gives the same bytes."""
    return _encode(image, "PNG")


def encode_jpeg(image: Pixels, quality: int) -> bytes:
    """Write uint8 [height, width, 3] as a JPEG of ``quality`` 1 to 95."""
    return _encode(image, "JPEG", quality=quality)


def _encode(image: Pixels, file_format: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, file_format, **options)
    return file.getvalue()


def _pixels(data: bytes, content_type: str, max_pixels: int) -> Pixels:
    if content_type == "image/jpeg" and data.count(b"\xff\xda") > _MAX_SCANS:
        message = f"the JPEG has more than {_MAX_SCANS} scans, as no camera writes; encode it again"
        raise InvalidImage(message, reason="corrupt")
    with _read_header(data, max_pixels) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise _too_many_pixels(width * height, max_pixels)
        image.load()  # outside of the lock: the decoders let go of the interpreter
        with _FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
        upright = image if turn is None else image.transpose(turn)
        return _as_rgb(upright)


def _read_header(data: bytes, max_pixels: int) -> Image.Image:
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        except Image.DecompressionBombError as error:
            raise _too_many_pixels(Image.MAX_IMAGE_PIXELS or 0, max_pixels) from error


def _as_rgb(image: Image.Image) -> Pixels:
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion would clip it at 255
        high_byte = (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
        return np.repeat(high_byte[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return np.array(image.convert("RGB"))


def _too_many_pixels(pixels: int, limit: int) -> InvalidImage:
    message = f"the image has {pixels} or more pixels and at most {limit} are read; send a smaller one"
    return InvalidImage(message, reason="too_many_pixels")


def _ends_early(data: bytes, content_type: str) -> bool:
    if content_type == "image/jpeg":
        return not data.rstrip(b"\0").endswith(b"\xff\xd9")
    if content_type == "image/png":
        return b"IEND" not in data[-16:]
    return int.from_bytes(data[4:8], "little") + 8 > len(data)
