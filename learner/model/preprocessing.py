"""From decoded images of any size to an encoder's input: written once, for the learner and for the served graph.

Axes: B images, H × W pixels of the source, C = 3 channels, S = input size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from learner.settings import Aspect


@dataclass(frozen=True)
class Preprocessing:
    """How an encoder wants its images.

    Parameters
    ----------
    input_size
        S, the side in pixels.
    aspect
        ``stretch`` distorts to the square, ``crop`` cuts the middle square out first.
    """

    input_size: int
    aspect: Aspect

    def __call__(self, images_BHWC: Tensor) -> Tensor:
        """Return float images in [0, 1], shape [B, 3, S, S], with antialiased bilinear interpolation.

        Parameters
        ----------
        images_BHWC
            uint8, RGB.

        Examples
        --------
        >>> Preprocessing(32, "crop")(torch.full((1, 48, 64, 3), 255, dtype=torch.uint8)).shape
        torch.Size([1, 3, 32, 32])
        """
        images_BCHW = images_BHWC.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        if self.aspect == "crop":
            images_BCHW = _middle_square(images_BCHW)
        size = (self.input_size, self.input_size)
        return functional.interpolate(images_BCHW, size=size, mode="bilinear", antialias=True)

    def empty(self) -> Tensor:
        """Return no images, [0, 3, S, S]."""
        return torch.zeros(0, 3, self.input_size, self.input_size)


def _middle_square(images_BCHW: Tensor) -> Tensor:
    height, width = images_BCHW.shape[2], images_BCHW.shape[3]
    side = torch.sym_min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square_BCHW = images_BCHW[:, :, top : top + side, left : left + side]
    for axis in (2, 3):  # torch.export cannot see by itself that the square is not empty
        torch._check(square_BCHW.shape[axis] > 0)  # noqa: SLF001  (its documented name)
    return square_BCHW
