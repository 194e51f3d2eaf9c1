"""A tiny KL autoencoder, as Stable Diffusion's: pictures to latents 4 or 8 times smaller along each side, and back.

Axes: B images, C = 3 channels, H × W pixels, L = 4 channels of latents.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from replay.teachers.tiny.augmentation import augmented
from replay.teachers.tiny.recipe import Recipe

LATENT_CHANNELS = 4
_RATE = 2e-3
_DIVERGENCE_SHARE = 1e-3
_ENCODED_AT_ONCE = 256


def train_autoencoder(images_BCHW: Tensor, recipe: Recipe, seed: int) -> Any:
    """Return diffusers' ``AutoencoderKL`` in float32, its ``scaling_factor`` set so that latents have variance 1."""
    torch.manual_seed(seed)  # first weights, and the noise on latents
    autoencoder = _new_autoencoder(recipe, images_BCHW.shape[-1]).to(images_BCHW.device)
    draws = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(autoencoder.parameters(), lr=_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=recipe.autoencoder_steps)
    for _ in tqdm(range(recipe.autoencoder_steps), desc="autoencoder", unit=" steps", disable=None):
        chosen_B = torch.randint(len(images_BCHW), (recipe.autoencoder_batch,), generator=draws)
        loss = _loss(autoencoder, augmented(images_BCHW[chosen_B.to(images_BCHW.device)], recipe.generator_warp, draws))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(autoencoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    autoencoder.eval()
    deviation = encoded(autoencoder, images_BCHW).std().item()
    autoencoder.register_to_config(scaling_factor=1.0 / deviation)
    return autoencoder


@torch.no_grad()
def encoded(autoencoder: Any, images_BCHW: Tensor) -> Tensor:
    """Return latents [B, L, H / 8, W / 8], drawn from the posterior, not scaled."""
    parts = torch.split(images_BCHW, _ENCODED_AT_ONCE)
    return torch.cat([autoencoder.encode(part).latent_dist.sample() for part in parts])


def _loss(autoencoder: Any, images_BCHW: Tensor) -> Tensor:
    posterior = autoencoder.encode(images_BCHW).latent_dist
    restored_BCHW = autoencoder.decode(posterior.sample()).sample
    divergence = posterior.kl().mean() / posterior.mean[0].numel()
    error = functional.l1_loss(restored_BCHW, images_BCHW) + functional.mse_loss(restored_BCHW, images_BCHW)
    loss: Tensor = error + _DIVERGENCE_SHARE * divergence
    return loss


def _new_autoencoder(recipe: Recipe, side: int) -> Any:
    from diffusers import AutoencoderKL  # noqa: PLC0415  seconds to import

    depth = len(recipe.autoencoder_widths)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        block_out_channels=recipe.autoencoder_widths,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=side,
        mid_block_add_attention=False,
    )
