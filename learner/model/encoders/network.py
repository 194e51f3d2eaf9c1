"""The convolutional autoencoder, the paper's frontier model (stage A), with group norm instead of batch norm.

A 32×32 image becomes 4×4×32 = 512 numbers; other input sizes are pooled to the same 4×4, so that the latent's width
does not depend on them.

Axes: B images, C = 3 channels, S = input size, L = latent width (16 × the last channel count).
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from learner.settings import CHANNEL_GROUPS, GRID

N = TypeVar("N", bound=nn.Module)
_LAYOUT = torch.channels_last  # in memory; on a CPU it trains 1.6 and encodes 2 times as many images a second


class Autoencoder(nn.Module):
    """Encoder 3→a→b→c: 3×3 convolution, norm, ReLU, max-pool, three times; the decoder mirrors it, with a sigmoid.

    Parameters
    ----------
    channels
        (a, b, c), multiples of 8.
    input_size
        S, a multiple of 8.
    """

    def __init__(self, channels: tuple[int, int, int], input_size: int) -> None:
        super().__init__()
        a, b, c = channels
        self.input_size = input_size
        self.latent_channels = c
        self.encoder = nn.Sequential(
            *_block(3, a), nn.MaxPool2d(2), *_block(a, b), nn.MaxPool2d(2), *_block(b, c), nn.MaxPool2d(2)
        )
        self.decoder_deep = nn.Sequential(*_block(c, b))
        self.decoder_middle = nn.Sequential(*_block(b, a))
        self.decoder_image = nn.Conv2d(a, 3, 3, padding=1)

    @property
    def latent_width(self) -> int:
        """L."""
        return self.latent_channels * GRID * GRID

    def encode(self, images_BCSS: Tensor) -> Tensor:
        """Return latents [B, L], none negative."""
        grid: Tensor = self.encoder(images_BCSS.contiguous(memory_format=_LAYOUT))
        if self.input_size != GRID * 8:
            grid = functional.interpolate(grid, size=(GRID, GRID), mode="bilinear", antialias=True)
        return grid.flatten(1)

    def decode(self, latents_BL: Tensor) -> Tensor:
        """Return images [B, 3, S, S] in [0, 1]."""
        grid = latents_BL.view(-1, self.latent_channels, GRID, GRID)
        deep = self.decoder_deep(_enlarge(grid.contiguous(memory_format=_LAYOUT), self.input_size // 4))
        middle = self.decoder_middle(_enlarge(deep, self.input_size // 2))
        image: Tensor = torch.sigmoid(self.decoder_image(_enlarge(middle, self.input_size)))
        return image

    def reconstruction_loss(self, images_BCSS: Tensor) -> Tensor:
        """Return the mean squared error between the images and their reconstructions, a scalar."""
        return functional.mse_loss(self.decode(self.encode(images_BCSS)), images_BCSS)


def in_batches(function: Callable[[Tensor], Tensor], rows: Tensor, batch: int = 256) -> Tensor:
    """Apply ``function`` without gradients to ``batch`` rows at a time, so that memory does not grow with the rows."""
    with torch.inference_mode():
        return torch.cat([function(rows[start : start + batch]) for start in range(0, max(1, len(rows)), batch)])


def seeded(seed: int, build: Callable[[], N]) -> N:
    """Return an untrained network, ready to encode, whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build().eval()


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(CHANNEL_GROUPS, outputs), nn.ReLU()]


def _enlarge(grid: Tensor, side: int) -> Tensor:
    return functional.interpolate(grid, size=(side, side), mode="nearest")
