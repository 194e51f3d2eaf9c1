"""A tiny text-to-image pipeline in Stable Diffusion's layout: text encoder and U-Net, learned together on latents.

The U-Net learns velocities (Salimans & Ho, 2022), one text in ten is empty, for classifier-free guidance (Ho &
Salimans, 2021), and what is kept is the weights' running average.

Axes: B latents, L channels, h × w, T tokens, D dimensions.
"""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from replay.teachers.tiny.augmentation import augmented, to_tensor
from replay.teachers.tiny.autoencoder import encoded, train_autoencoder
from replay.teachers.tiny.pipeline import CONTEXT_LENGTH, NOISE, Parts, new_denoiser, new_text_encoder, save_pipeline
from replay.teachers.tiny.prompts import TEMPLATES, class_prompt
from replay.teachers.tiny.recipe import Recipe
from replay.teachers.tiny.tokenizer import load_tokenizer, save_tokenizer
from stream.sources.datasets.teacher_part import LabelledPictures

_WORDINGS = 4  # of each class in one step
_RATE = 1e-3
_EMPTY_SHARE = 0.1
_KEPT = 0.998  # of the running average, in each step
_TEXT_SETS = 256


def train_text_to_image(
    pictures: LabelledPictures, words: Sequence[Sequence[str]], recipe: Recipe, folder: Path, run: tuple[int, str]
) -> None:
    """Train a pipeline and write it into ``folder``: 1 autoencoder, 2 latents, 3 text encoder and U-Net, 4 files.

    Parameters
    ----------
    words
        What each class is called.
    run
        The seed, and the device's name.
    """
    seed, device = run[0], torch.device(run[1])
    images_BCHW = to_tensor(pictures.images, device)
    save_tokenizer(folder / "tokenizer", [*TEMPLATES, *(word for names in words for word in names)], CONTEXT_LENGTH)
    tokenizer = load_tokenizer(folder / "tokenizer")
    autoencoder = train_autoencoder(images_BCHW, recipe, seed)
    torch.manual_seed(seed)
    bank_BLhw = _bank(autoencoder, images_BCHW, recipe, seed)
    parts = Parts(autoencoder, new_text_encoder(tokenizer, recipe), new_denoiser(recipe, bank_BLhw.shape[-1]))
    labels_B = torch.from_numpy(pictures.labels).repeat(recipe.bank_rounds).to(device)
    parts = _fit(parts, (bank_BLhw, labels_B), _texts(tokenizer, words, np.random.default_rng(seed)), recipe, seed)
    save_pipeline(parts, tokenizer, folder)


def _bank(autoencoder: Any, images_BCHW: Tensor, recipe: Recipe, seed: int) -> Tensor:
    """Return scaled latents of the pictures, each warped ``bank_rounds`` times."""
    draws = torch.Generator().manual_seed(seed + 1)
    rounds = [
        encoded(autoencoder, augmented(images_BCHW, recipe.generator_warp, draws)) for _ in range(recipe.bank_rounds)
    ]
    bank_BLhw: Tensor = torch.cat(rounds) * autoencoder.config.scaling_factor
    return bank_BLhw


def _texts(tokenizer: Any, words: Sequence[Sequence[str]], draws: np.random.Generator) -> Tensor:
    """Return tokens [sets, 1 + K × wordings, T], the empty text first."""
    texts = [
        text
        for _ in range(_TEXT_SETS)
        for text in ["", *(class_prompt(names, draws) for names in words for _ in range(_WORDINGS))]
    ]
    tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=CONTEXT_LENGTH, return_tensors="pt")
    found: Tensor = tokens.input_ids.reshape(_TEXT_SETS, -1, CONTEXT_LENGTH)
    return found


def _fit(parts: Parts, bank: tuple[Tensor, Tensor], texts: Tensor, recipe: Recipe, seed: int) -> Parts:
    """Train U-Net and text encoder; return the parts with the running averages."""
    latents_BLhw, labels_B = bank
    device = latents_BLhw.device
    learned = nn.ModuleList([parts.text_encoder, parts.denoiser]).to(device).train()
    average = deepcopy(learned).eval().requires_grad_(requires_grad=False)
    draws = torch.Generator().manual_seed(seed + 2)
    optimizer = torch.optim.AdamW(learned.parameters(), lr=_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=recipe.denoiser_steps, pct_start=0.05)
    for step in tqdm(range(recipe.denoiser_steps), desc="denoiser", unit=" steps", disable=None):
        chosen_B = torch.randint(len(labels_B), (recipe.denoiser_batch,), generator=draws).to(device)
        prompts_B = _prompts(labels_B[chosen_B].cpu(), draws).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            texts_PTD = learned[0](texts[step % len(texts)].to(device)).last_hidden_state
            loss = _loss(learned[1], latents_BLhw[chosen_B], texts_PTD[prompts_B], draws)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        _follow(average, learned, min(_KEPT, (1 + step) / (10 + step)))
    return Parts(parts.autoencoder, average[0], average[1])


def _prompts(labels_B: Tensor, draws: torch.Generator) -> Tensor:
    """Return for each latent the row of its text: one of its class's wordings, or 0, the empty one."""
    wordings_B = torch.randint(_WORDINGS, labels_B.shape, generator=draws)
    named_B = torch.rand(labels_B.shape, generator=draws) >= _EMPTY_SHARE
    return (1 + labels_B * _WORDINGS + wordings_B) * named_B


def _loss(denoiser: Any, latents_BLhw: Tensor, texts_BTD: Tensor, draws: torch.Generator) -> Tensor:
    """Return the mean squared error of the velocity at times drawn evenly."""
    from diffusers import DDPMScheduler  # noqa: PLC0415  seconds to import

    noising = DDPMScheduler(**NOISE)
    noise_BLhw = torch.randn(latents_BLhw.shape, generator=draws).to(latents_BLhw.device)
    times_B = torch.randint(1000, (len(latents_BLhw),), generator=draws).to(latents_BLhw.device)
    noisy_BLhw = noising.add_noise(latents_BLhw, noise_BLhw, times_B)
    velocity_BLhw = noising.get_velocity(latents_BLhw, noise_BLhw, times_B)
    return functional.mse_loss(denoiser(noisy_BLhw, times_B, texts_BTD).sample.float(), velocity_BLhw)


@torch.no_grad()
def _follow(average: nn.Module, learned: nn.Module, kept: float) -> None:
    for mean, value in zip(average.parameters(), learned.parameters(), strict=True):
        mean.lerp_(value, 1.0 - kept)
