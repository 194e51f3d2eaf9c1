"""``python -m benchmarks.recovery.mutated_images FIRST STRIDE END``: damaged JPEG, PNG and WebP files, decoded.

A worker: file ``FIRST``, ``FIRST + STRIDE``, … up to ``END``, and for each one line on stdout (`Told`). Who started it
watches it: a file that is never answered for has killed it, or hangs (`watched_decoding`). File ``number``
is always the same bytes: a valid file of the eleven here, damaged one to three times, half of the PNGs with their check
sums mended, so that the damage reaches the decoder.
"""

import functools
import json
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from stream.image_codec import decode_image
from stream.process.errors import InvalidImage
from stream.process.settings import StreamSettings

SEED = 0
REASONS = ("empty_body", "too_many_bytes", "not_an_image", "too_many_pixels", "truncated", "corrupt")
DECODED = "decoded"
_EDGES = (0, 1, 2, 127, 128, 255, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)  # where lengths and sizes go wrong
_SIDES = (0, 1, 3000, 4001, 8192, 16383, 65535, 0xFFFFFF, 0x7FFFFFFF)
_HEAD_BYTES = 64
_ORIENTATION = 0x0112
_T = TypeVar("_T")


@dataclass(frozen=True)
class Told:
    """What became of one file.

    Parameters
    ----------
    outcome
        ``decoded``, one of `REASONS`, or the name of an error that should not have come.
    passed_header
        Whether its header names a size within the caps, so that its pixels were decoded.
    """

    number: int
    outcome: str
    passed_header: bool


@dataclass(frozen=True)
class Piece:
    """A chunk or segment: where it begins and ends, and where in it the length stands, in how many bytes."""

    start: int
    stop: int
    length_at: int
    length_bytes: int


def main() -> int:
    """Decode this worker's share."""
    first, stride, end = (int(text) for text in sys.argv[1:])
    for number in range(first, end, stride):
        print(json.dumps(asdict(told_of(number))), flush=True)
    return 0


def worker(first: int, stride: int, end: int) -> list[str]:
    """Return the command of a worker."""
    return [sys.executable, "-m", "benchmarks.recovery.mutated_images", str(first), str(stride), str(end)]


def told_of(number: int) -> Told:
    """Decode file ``number`` with the caps that a learner has by default."""
    data, caps = mutated(number), StreamSettings()
    try:
        decode_image(data, caps.max_image_bytes, caps.max_image_pixels)
    except InvalidImage as error:
        outcome = error.reason
    except Exception as error:  # what the codec let through is what is looked for here
        outcome = type(error).__name__
    else:
        outcome = DECODED
    return Told(number, outcome, passes_header(data, caps))


def passes_header(data: bytes, caps: StreamSettings) -> bool:
    """Say whether the file's size can be read and is allowed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
                return len(data) <= caps.max_image_bytes and image.width * image.height <= caps.max_image_pixels
        except Exception:  # Pillow raises whatever it trips over
            return False


def mutated(number: int) -> bytes:
    """Return file ``number``.

    Examples
    --------
    >>> mutated(7) == mutated(7) != mutated(8)
    True
    """
    draws = np.random.default_rng((SEED, number))
    data = _one_of(draws, valid_files())
    was_png = data.startswith(b"\x89PNG")
    for _ in range(draws.integers(1, 4)):
        data = _one_of(draws, MUTATIONS)(data, draws)
    return _mended(data) if was_png and draws.random() < 0.5 else data


@functools.cache
def valid_files() -> tuple[bytes, ...]:
    """Return the files that are damaged: each kind of pixel, layout and extra that the codec gives a meaning to."""
    draws = np.random.default_rng(SEED)
    ramp = np.linspace(0, 200, 48 * 64 * 3).reshape(48, 64, 3)
    rgb = Image.fromarray((ramp + draws.integers(0, 56, ramp.shape)).astype(np.uint8))
    small, clear = rgb.resize((24, 16)), rgb.convert("RGBA")
    clear.putalpha(rgb.convert("L"))
    deep = Image.fromarray(draws.integers(0, 65536, (20, 30), dtype=np.uint16))
    turned = Image.Exif()
    turned[_ORIENTATION] = 6
    film = {"save_all": True, "append_images": [clear.rotate(90), clear]}
    return (
        _encoded(rgb, "JPEG", exif=turned),
        _encoded(rgb, "JPEG", progressive=True),
        _encoded(small.convert("L"), "JPEG"),
        _encoded(rgb.convert("CMYK"), "JPEG"),
        _encoded(rgb, "PNG", exif=turned),
        _encoded(small.convert("P"), "PNG", transparency=0),
        _encoded(deep, "PNG"),
        _encoded(clear, "PNG", **film),
        _encoded(rgb, "WEBP", exif=turned),
        _encoded(clear, "WEBP", lossless=True),
        _encoded(clear, "WEBP", **film),
    )


def _encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def pieces_of(data: bytes) -> list[Piece]:
    """Return the chunks of a PNG or a WebP and the segments of a JPEG, as far as they can be followed."""
    if data.startswith(b"\x89PNG"):
        return list(_walked(data, 8, ">I", 12, 0))
    if data.startswith(b"RIFF"):
        return list(_walked(data, 12, "<I", 8, 4))
    return list(_segments(data))


def _walked(data: bytes, start: int, layout: str, overhead: int, length_offset: int) -> Iterator[Piece]:
    while start + overhead <= len(data):
        (length,) = struct.unpack_from(layout, data, start + length_offset)
        stop = start + overhead + length + (length % 2 if length_offset else 0)
        if stop > len(data):
            return
        yield Piece(start, stop, start + length_offset, 4)
        start = stop


def _segments(data: bytes) -> Iterator[Piece]:
    start = 2
    while start + 4 <= len(data) and data[start] == 0xFF:
        stop = start + 2 + struct.unpack_from(">H", data, start + 2)[0]
        if data[start + 1] == 0xDA:  # the scan that follows has no length
            after = data.find(b"\xff\xc4", stop)
            stop = after if after > 0 else max(stop, len(data) - 2)
        if stop > len(data):
            return
        yield Piece(start, stop, start + 2, 2)
        start = stop


def _flip_bits(data: bytes, draws: np.random.Generator) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(draws.integers(1, 17)):
        changed[_place(changed, draws)] ^= 1 << int(draws.integers(8))
    return bytes(changed)


def _truncate(data: bytes, draws: np.random.Generator) -> bytes:
    return data[: _place(data, draws)]


def _splice(data: bytes, draws: np.random.Generator) -> bytes:
    other = _one_of(draws, valid_files())
    return data[: _place(data, draws)] + other[_place(other, draws) :]


def _write_head(data: bytes, draws: np.random.Generator) -> bytes:
    changed = bytearray(data)
    at = _place(changed[:_HEAD_BYTES], draws)
    changed[at : at + 1] = draws.bytes(1)
    return bytes(changed)


def _write_length(data: bytes, draws: np.random.Generator) -> bytes:
    pieces = pieces_of(data)
    if not pieces:
        return _write_head(data, draws)
    piece = _one_of(draws, pieces)
    value = (_one_of(draws, _EDGES) if draws.random() < 0.7 else int(draws.integers(2**16))) % 256**piece.length_bytes
    order = "<I" if data.startswith(b"RIFF") else ">I"
    field = struct.pack(order, value) if piece.length_bytes == 4 else struct.pack(">H", value)
    return data[: piece.length_at] + field + data[piece.length_at + piece.length_bytes :]


def _repeat(data: bytes, draws: np.random.Generator) -> bytes:
    pieces = pieces_of(data)
    if not pieces:
        return data + data
    piece = _one_of(draws, pieces)
    most = max(1, 60_000 // (piece.stop - piece.start))
    return data[: piece.stop] + data[piece.start : piece.stop] * int(draws.integers(1, 1 + most)) + data[piece.stop :]


def _blank(data: bytes, draws: np.random.Generator) -> bytes:
    start, stop = sorted((_place(data, draws), _place(data, draws)))
    return data[:start] + bytes([int(draws.integers(256))]) * (stop - start) + data[stop:]


def _insert(data: bytes, draws: np.random.Generator) -> bytes:
    at = _place(data, draws)
    return data[:at] + draws.bytes(int(draws.integers(1, 64))) + data[at:]


def _resize(data: bytes, draws: np.random.Generator) -> bytes:
    """Write another width and height where the format has them."""
    width, height = _one_of(draws, _SIDES), _one_of(draws, _SIDES)
    if data.startswith(b"\x89PNG"):
        return _mended(data[:16] + struct.pack(">II", width, height) + data[24:])
    changed = bytearray(data)
    for piece in pieces_of(data):
        kind = data[piece.start : piece.start + 4]
        at = piece.start + 8
        if kind[:1] == b"\xff" and kind[1] in (0xC0, 0xC2):
            changed[piece.start + 5 : piece.start + 9] = struct.pack(">HH", height & 0xFFFF, width & 0xFFFF)
        elif kind == b"VP8X":
            size = (width & 0xFFFFFF) | (height & 0xFFFFFF) << 24
            changed[at + 4 : at + 10] = size.to_bytes(6, "little")
        elif kind == b"VP8 ":
            changed[at + 6 : at + 10] = struct.pack("<HH", width & 0x3FFF, height & 0x3FFF)
        elif kind == b"VP8L":
            changed[at + 1 : at + 5] = struct.pack("<I", (width & 0x3FFF) | (height & 0x3FFF) << 14)
    return bytes(changed)


MUTATIONS: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    _flip_bits,
    _truncate,
    _splice,
    _write_head,
    _write_length,
    _repeat,
    _blank,
    _insert,
    _resize,
)


def _mended(data: bytes) -> bytes:
    """Return a PNG whose chunks have right check sums."""
    changed = bytearray(data)
    for piece in pieces_of(data):
        changed[piece.stop - 4 : piece.stop] = struct.pack(">I", zlib.crc32(data[piece.start + 4 : piece.stop - 4]))
    return bytes(changed)


def _one_of(draws: np.random.Generator, things: Sequence[_T]) -> _T:
    return things[int(draws.integers(len(things)))]


def _place(data: bytes | bytearray, draws: np.random.Generator) -> int:
    return int(draws.integers(len(data))) if data else 0


if __name__ == "__main__":
    sys.exit(main())
