"""What part of a camera's picture is sent, and at what size."""

import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from stream.image_codec import Pixels
from stream.process.errors import InvalidSetting

_CROP = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})\+(\d{1,5})\+(\d{1,5})")
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


@dataclass(frozen=True)
class Crop:
    """A rectangle of the picture, in pixels."""

    width: int
    height: int
    left: int
    top: int


@dataclass(frozen=True)
class View:
    """First the crop, then the size; None leaves the picture as it is.

    Parameters
    ----------
    size
        (width, height).
    """

    crop: Crop | None = None
    size: tuple[int, int] | None = None

    def of(self, picture: Pixels) -> Pixels:
        """Return this view of ``picture``, uint8 [height, width, 3].

        Raises
        ------
        InvalidSetting
            The crop does not lie within the picture.

        Examples
        --------
        >>> View(Crop(4, 2, 1, 0), size=(8, 8)).of(np.zeros((6, 6, 3), np.uint8)).shape
        (8, 8, 3)
        """
        if self.crop is not None:
            picture = _cut(picture, self.crop)
        if self.size is not None and self.size != (picture.shape[1], picture.shape[0]):
            picture = np.array(Image.fromarray(picture).resize(self.size, Image.Resampling.BILINEAR))
        return picture


def crop_of(text: str) -> Crop:
    """Read ``WxH+X+Y``.

    Raises
    ------
    InvalidSetting
        It is not written so.

    Examples
    --------
    >>> crop_of("640x360+64+36")
    Crop(width=640, height=360, left=64, top=36)
    """
    found = _CROP.fullmatch(text)
    if found is None:
        message = f"a crop is written WxH+X+Y in pixels, but {text!r} came; try 640x360+0+0"
        raise InvalidSetting(message)
    width, height, left, top = (int(number) for number in found.groups())
    return Crop(width, height, left, top)


def size_of(text: str) -> tuple[int, int]:
    """Read ``WxH`` as (width, height).

    Raises
    ------
    InvalidSetting
        It is not written so.

    Examples
    --------
    >>> size_of("64x36")
    (64, 36)
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        message = f"a size is written WxH in pixels, but {text!r} came; try 64x36"
        raise InvalidSetting(message)
    return int(found[1]), int(found[2])


def _cut(picture: Pixels, crop: Crop) -> Pixels:
    height, width = picture.shape[:2]
    if crop.left + crop.width > width or crop.top + crop.height > height:
        message = (
            f"the crop {crop.width}x{crop.height}+{crop.left}+{crop.top} does not lie within the picture of "
            f"{width}x{height} pixels; choose another with --crop"
        )
        raise InvalidSetting(message)
    return picture[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
