import struct
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.Image import Transpose

from stream.image_codec import content_type_of, decode_image, encode_jpeg, encode_png
from stream.process.errors import InvalidImage

MAX_BYTES = 100_000
MAX_PIXELS = 250_000
PHOTO = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)


def encoded(image, file_format, **options):
    file = BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def decoded(data):
    return decode_image(data, MAX_BYTES, MAX_PIXELS)


def outcome_of(data):
    try:
        return decoded(data)
    except InvalidImage as error:
        return error


def reason(data, max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS):
    with pytest.raises(InvalidImage) as caught:
        decode_image(data, max_bytes, max_pixels)
    assert str(caught.value).count("; ") >= 1, "the sentence ends with the remedy"
    return caught.value.reason


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_file(width, height, depth, colour, rows):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


SMOOTH = np.linspace(0, 255, 24 * 40 * 3).reshape(24, 40, 3).astype(np.uint8)
# How a camera turned the pixels before it wrote the orientation.
STORED_TURNED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}
VALID = {
    "jpeg": encode_jpeg(SMOOTH, quality=90),
    "progressive": encoded(Image.fromarray(SMOOTH), "JPEG", progressive=True, exif=Image.Exif()),
    "png": encode_png(SMOOTH),
    "webp": encoded(Image.fromarray(SMOOTH), "WEBP"),
    "webp_lossless": encoded(Image.fromarray(SMOOTH).convert("RGBA"), "WEBP", lossless=True),
}


def test_png_comes_back_pixel_for_pixel():
    np.testing.assert_array_equal(decoded(encode_png(PHOTO)), PHOTO)


@pytest.mark.parametrize("name", VALID)
def test_each_format_gives_rgb_bytes_of_its_height_and_width(name):
    image = decoded(VALID[name])
    assert (image.shape, image.dtype) == ((24, 40, 3), np.uint8)
    assert np.abs(image.astype(int) - SMOOTH).mean() < 4
    assert image.flags.writeable
    assert image.flags.c_contiguous


def test_encoding_is_deterministic():
    assert encode_png(PHOTO) == encode_png(PHOTO.copy())
    assert encode_jpeg(PHOTO, 80) == encode_jpeg(PHOTO.copy(), 80)
    assert len(encode_jpeg(PHOTO, 30)) < len(encode_jpeg(PHOTO, 90))


@pytest.mark.parametrize(
    ("name", "content_type"), [("jpeg", "image/jpeg"), ("png", "image/png"), ("webp", "image/webp")]
)
def test_the_bytes_tell_the_content_type(name, content_type):
    assert content_type_of(VALID[name]) == content_type


def test_grey_is_repeated_in_three_channels():
    grey = PHOTO[:, :, 0]
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(grey), "PNG")), np.dstack([grey] * 3))


def test_black_and_white_becomes_0_and_255():
    image = decoded(encoded(Image.fromarray(PHOTO[:, :, 0] > 127), "PNG"))
    assert set(np.unique(image)) == {0, 255}


def test_of_16_bit_grey_the_high_byte_counts():
    values = np.array([[0, 255, 256, 32768, 65535]], dtype=np.uint16)
    image = decoded(encoded(Image.fromarray(values), "PNG"))
    assert image[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_of_16_bit_colour_the_high_byte_counts():
    row = b"\0" + struct.pack(">HHH", 0, 32768, 65535)
    assert decoded(png_file(1, 1, 16, 2, row)).tolist() == [[[0, 128, 255]]]


def test_a_palette_is_looked_up():
    image = decoded(encoded(Image.fromarray(SMOOTH).quantize(16), "PNG"))
    np.testing.assert_array_equal(image, np.array(Image.fromarray(SMOOTH).quantize(16).convert("RGB")))


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_transparent_pixels_are_laid_over_black(file_format):
    colours = np.array([[[200, 100, 50, 255], [200, 100, 50, 0], [200, 100, 50, 128]]], dtype=np.uint8)
    options = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    image = decoded(encoded(Image.fromarray(colours), file_format, **options))
    assert image.tolist() == [[[200, 100, 50], [0, 0, 0], [100, 50, 25]]]


def test_a_transparent_palette_entry_is_black_too():
    image = Image.new("P", (1, 1), 0)
    image.putpalette([200, 100, 50])
    assert decoded(encoded(image, "PNG", transparency=0)).tolist() == [[[0, 0, 0]]]


def test_cmyk_becomes_rgb():
    image = decoded(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    assert np.abs(image.astype(int) - (255, 0, 0)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "JPEG"])
def test_every_exif_orientation_is_undone(orientation, file_format):
    corners = np.kron(np.array([[0, 90], [180, 250]], dtype=np.uint8), np.ones((16, 24), dtype=np.uint8))
    upright = Image.fromarray(corners)
    stored = upright if orientation == 1 else upright.transpose(STORED_TURNED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decoded(encoded(stored, file_format, exif=exif))
    assert image.shape == (32, 48, 3)
    assert np.abs(image[:, :, 0].astype(int) - corners).mean() < 4


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_of_an_animation_only_the_first_frame_is_read(file_format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], lossless=True)
    image = decoded(data)
    assert image.shape == (8, 8, 3)
    assert np.abs(image.astype(int) - (255, 0, 0)).max() <= 1


def test_an_empty_body_is_refused():
    assert reason(b"") == "empty_body"


def test_the_byte_cap_comes_before_everything_else():
    assert reason(b"text", max_bytes=3) == "too_many_bytes"
    assert reason(VALID["png"], max_bytes=len(VALID["png"]) - 1) == "too_many_bytes"
    assert decode_image(VALID["png"], len(VALID["png"]), 24 * 40).shape == (24, 40, 3)


def test_the_pixel_cap_is_inclusive():
    assert reason(VALID["jpeg"], max_pixels=24 * 40 - 1) == "too_many_pixels"


@pytest.mark.parametrize("side", [10_000, 12_000, 40_000])
def test_a_huge_image_is_refused_from_its_header_without_a_warning(side):
    started = time.thread_time()
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        assert reason(png_file(side, side, 8, 2, b"\0" * 100)) == "too_many_pixels"
    assert not leaked
    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    "data",
    [b"just a text", b"<svg/>", encoded(Image.fromarray(PHOTO), "GIF"), encoded(Image.fromarray(PHOTO), "TIFF"), b"R"],
    ids=["text", "svg", "gif", "tiff", "one byte"],
)
def test_anything_else_is_not_an_image(data):
    assert reason(data) == "not_an_image"


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_ends_early_is_truncated(name, share):
    data = VALID[name]
    cut = data[: max(12, int(len(data) * share))]
    assert reason(cut) == "truncated"


def test_a_damaged_file_is_corrupt_and_keeps_the_decoders_error():
    data = bytearray(VALID["png"])
    data[40:60] = bytes(20)
    with pytest.raises(InvalidImage) as caught:
        decoded(bytes(data))
    assert caught.value.reason == "corrupt"
    assert caught.value.__cause__ is not None


def test_an_unreadable_header_is_told_without_an_address_in_memory():
    with pytest.raises(InvalidImage) as caught:
        decoded(b"\xff\xd8\xff\xff\xd9")
    assert "0x" not in str(caught.value)
    assert caught.value.reason == "corrupt"


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded():
    data = VALID["progressive"]
    first_scan = data.index(b"\xff\xda")
    assert reason(data[:first_scan] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 1000 + b"\xff\xd9") == "corrupt"


def test_truncated_images_are_not_allowed_in_this_process():
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_threads_decode_alike_and_leave_the_warning_filters_alone():
    filters = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(decoded, [VALID["progressive"], VALID["png"]] * 50))
    assert warnings.filters == filters
    for image in images[2:]:
        assert any(np.array_equal(image, first) for first in images[:2])


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(
    name=st.sampled_from(sorted(VALID)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
    kept=st.floats(0, 1),
    tail=st.binary(max_size=16),
)
def test_mutated_bytes_give_an_array_or_an_invalid_image(name, changes, kept, tail):
    data = bytearray(VALID[name])
    for place, value in changes:
        data[int(place * len(data))] = value
    if kept < 0.5:
        data = data[: int(2 * kept * len(data))]
    started = time.thread_time()
    outcome = outcome_of(bytes(data) + tail)
    assert time.thread_time() - started < 1.0
    if isinstance(outcome, InvalidImage):
        assert outcome.reason
        assert not isinstance(outcome.__cause__, Warning)
    else:
        assert (outcome.dtype, outcome.ndim, outcome.shape[2]) == (np.uint8, 3, 3)
        assert outcome.shape[0] * outcome.shape[1] <= MAX_PIXELS


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=64), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBP"]))
def test_random_bytes_behind_a_true_signature_escape_as_nothing_else(body, signature):
    with pytest.raises(InvalidImage):
        decoded(signature + body)
