"""Stage A's network: the convolutional autoencoder with batch norm, 3→128→64→32.

Axes: B images, C = 3 channels, S = input size, L latent width (512 for 32 channels at the end).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from learner.model.encoders.autoencoder import Autoencoder


class FrontierModel(Autoencoder):
    """`learner.model.encoders.autoencoder.Autoencoder` as published: batch norm in place of each group norm.

    Examples
    --------
    >>> FrontierModel((128, 64, 32), 32).latent_width
    512
    """

    def __init__(self, channels: tuple[int, int, int], input_size: int) -> None:
        super().__init__(channels, input_size)
        for stage in (self.encoder, self.decoder_deep, self.decoder_middle):
            for place, module in enumerate(stage):
                if isinstance(module, nn.GroupNorm):
                    stage[place] = nn.BatchNorm2d(module.num_channels)


def new_frontier_model(channels: tuple[int, int, int], input_size: int, seed: int) -> FrontierModel:
    """Return an untrained network whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FrontierModel(channels, input_size).eval()


def reconstruction_error(images_BCSS: Tensor, reconstructions_BCSS: Tensor) -> Tensor:
    """Stage A, the loss: mean of (x − x̂)² over batch, channels and pixels, a scalar."""
    return functional.mse_loss(reconstructions_BCSS, images_BCSS)
