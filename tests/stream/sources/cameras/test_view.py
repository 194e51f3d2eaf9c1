import numpy as np
import pytest

from stream.process.errors import InvalidSetting
from stream.sources.cameras.view import Crop, View, crop_of, size_of

PICTURE = np.arange(6 * 8 * 3).reshape(6, 8, 3).astype(np.uint8)


def test_without_a_view_the_picture_stays():
    assert View().of(PICTURE) is PICTURE


def test_the_crop_is_width_by_height_from_left_and_top():
    np.testing.assert_array_equal(View(crop_of("3x2+4+1")).of(PICTURE), PICTURE[1:3, 4:7])


def test_the_size_is_taken_after_the_crop():
    half = np.zeros((4, 8, 3), np.uint8)
    half[:, 4:] = 200
    np.testing.assert_array_equal(View(crop_of("4x4+4+0"), size_of("2x2")).of(half), np.full((2, 2, 3), 200))


def test_scaling_down_averages():
    checks = np.zeros((32, 32, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 200
    small = View(size=(4, 4)).of(checks)
    assert small.min() >= 90
    assert small.max() <= 110


@pytest.mark.parametrize("crop", [Crop(9, 1, 0, 0), Crop(1, 7, 0, 0), Crop(4, 4, 5, 0), Crop(4, 4, 0, 3)])
def test_a_crop_beyond_the_picture_is_told(crop):
    with pytest.raises(InvalidSetting, match="8x6"):
        View(crop).of(PICTURE)


@pytest.mark.parametrize("text", ["", "3x2", "0x2+0+0", "3x2+-1+0", "3x2+1", "axb+0+0", "3x2+0+0 "])
def test_what_is_no_crop_is_told_how_one_is_written(text):
    with pytest.raises(InvalidSetting, match=r"640x360\+0\+0"):
        crop_of(text)


@pytest.mark.parametrize("text", ["", "3", "0x2", "3x", "3x2x1", "3X2"])
def test_what_is_no_size_is_told_how_one_is_written(text):
    with pytest.raises(InvalidSetting, match="64x36"):
        size_of(text)
