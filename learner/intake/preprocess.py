"""From decoded images of any size to the network's input: written once, used by the learner and by the served graph.

Axes: B images, H × W pixels of the source, C = 3 channels, S = `input_size`.
"""

import torch
from torch import Tensor
from torch.nn import functional


def resize(images_BHWC: Tensor, input_size: int, aspect: str) -> Tensor:
    """Return float images in [0, 1], shape [B, 3, S, S], with antialiased bilinear interpolation.

    Parameters
    ----------
    images_BHWC
        uint8, RGB.
    input_size
        S in pixels.
    aspect
        ``stretch`` distorts to the square, ``crop`` cuts the middle square out first.

    Examples
    --------
    >>> resize(torch.full((1, 48, 64, 3), 255, dtype=torch.uint8), 32, "crop").shape
    torch.Size([1, 3, 32, 32])
    """
    images_BCHW = images_BHWC.permute(0, 3, 1, 2).to(torch.float32) / 255.0
    if aspect == "crop":
        height, width = images_BCHW.shape[2], images_BCHW.shape[3]
        side = torch.sym_min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        images_BCHW = images_BCHW[:, :, top : top + side, left : left + side]
        for axis in (2, 3):  # torch.export cannot see by itself that the square is not empty
            torch._check(images_BCHW.shape[axis] > 0)  # noqa: SLF001  (its documented name)
    return functional.interpolate(images_BCHW, size=(input_size, input_size), mode="bilinear", antialias=True)
