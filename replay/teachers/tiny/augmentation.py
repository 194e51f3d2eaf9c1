"""Pictures turned, stretched, moved and bent a little, many at once.

Axes: B images, C = 3 channels, H × W pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional

from replay.teachers.tiny.recipe import Warp
from stream.image_codec import Pixels

_KNOTS = 4  # of the bending field, along each side


def to_tensor(images: Pixels, device: torch.device) -> Tensor:
    """Return uint8 [B, H, W, 3] as float32 [B, 3, H, W] within -1 … 1."""
    images_BHWC = torch.tensor(images, device=device)
    return images_BHWC.permute(0, 3, 1, 2).float().div(127.5).sub(1.0).contiguous()


def to_pixels(images_BCHW: Tensor) -> Pixels:
    """Return uint8 [B, H, W, 3]: `to_tensor` turned round."""
    images_BHWC = images_BCHW.add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    return images_BHWC.contiguous().cpu().numpy()


def augmented(images_BCHW: Tensor, warp: Warp, draws: torch.Generator) -> Tensor:
    """Return one warped copy of each image; ``draws`` lives on the CPU, so that all devices warp alike."""
    count, _, height, width = images_BCHW.shape
    grid_BHW2 = functional.affine_grid(_affine(count, warp, draws), [count, 3, height, width], align_corners=False)
    bends_B2KK = warp.bend * torch.randn(count, 2, _KNOTS, _KNOTS, generator=draws)
    bends_B2HW = functional.interpolate(bends_B2KK, (height, width), mode="bicubic", align_corners=True)
    grid_BHW2 = (grid_BHW2 + bends_B2HW.permute(0, 2, 3, 1)).to(images_BCHW.device)
    return functional.grid_sample(images_BCHW, grid_BHW2, padding_mode="border", align_corners=False)


def _affine(count: int, warp: Warp, draws: torch.Generator) -> Tensor:
    """Return [B, 2, 3]: a turn, a stretch along each axis, a shear, a shift, and a mirroring of half of them."""
    angles_B = warp.turn_degrees * torch.pi / 180 * torch.randn(count, generator=draws)
    scales_B2 = torch.exp(warp.stretch * torch.randn(count, 2, generator=draws))
    shears_B = warp.stretch * torch.randn(count, generator=draws)
    if warp.flip:
        scales_B2[:, 0] *= 2.0 * torch.randint(0, 2, (count,), generator=draws) - 1.0
    cosines_B, sines_B = angles_B.cos(), angles_B.sin()
    turns_B22 = torch.stack([cosines_B, -sines_B, sines_B, cosines_B], dim=1).reshape(count, 2, 2)
    stretches_B22 = torch.diag_embed(scales_B2)
    stretches_B22[:, 0, 1] = shears_B
    shifts_B2 = warp.shift * torch.randn(count, 2, generator=draws)
    return torch.cat([turns_B22 @ stretches_B22, shifts_B2[:, :, None]], dim=2)
