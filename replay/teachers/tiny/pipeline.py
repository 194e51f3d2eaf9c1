"""The parts of a tiny pipeline in Stable Diffusion's layout, and its folder."""

from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from replay.teachers.tiny.autoencoder import LATENT_CHANNELS
from replay.teachers.tiny.recipe import Recipe
from replay.teachers.tiny.tokenizer import END, START

CONTEXT_LENGTH = 48
"""Tokens of a text."""
NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "prediction_type": "v_prediction"}
_STEPS_OFFSET = 1  # as the pipeline wants it


@dataclass(frozen=True)
class Parts:
    """Models of diffusers and transformers."""

    autoencoder: Any
    text_encoder: Any
    denoiser: Any


def new_text_encoder(tokenizer: Any, recipe: Recipe) -> Any:
    """Return a ``CLIPTextModel`` of the recipe's size, not trained."""
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415  seconds to import

    start, end = tokenizer.convert_tokens_to_ids([START, END])
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.text_width,
        intermediate_size=4 * recipe.text_width,
        projection_dim=recipe.text_width,
        num_hidden_layers=recipe.text_layers,
        num_attention_heads=recipe.text_width // 32,
        max_position_embeddings=CONTEXT_LENGTH,
        bos_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
    )
    return CLIPTextModel(config)


def new_denoiser(recipe: Recipe, side: int) -> Any:
    """Return a ``UNet2DConditionModel`` for latents of ``side`` x ``side``, not trained."""
    from diffusers import UNet2DConditionModel  # noqa: PLC0415  seconds to import

    depth = len(recipe.denoiser_widths)
    return UNet2DConditionModel(
        sample_size=side,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        layers_per_block=recipe.denoiser_blocks,
        block_out_channels=recipe.denoiser_widths,
        down_block_types=("CrossAttnDownBlock2D",) * depth,
        up_block_types=("CrossAttnUpBlock2D",) * depth,
        cross_attention_dim=recipe.text_width,
        attention_head_dim=4,  # in this class the number of heads
        norm_num_groups=16,
    )


def save_pipeline(parts: Parts, tokenizer: Any, folder: Path) -> None:
    """Write a ``StableDiffusionPipeline``: the large parts as halves."""
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline  # noqa: PLC0415  seconds to import

    pipeline = StableDiffusionPipeline(
        vae=parts.autoencoder.half(),
        text_encoder=parts.text_encoder,  # transformers reads halves back as halves, which do not fit the others
        tokenizer=tokenizer,
        unet=parts.denoiser.half(),
        scheduler=DPMSolverMultistepScheduler(**NOISE, steps_offset=_STEPS_OFFSET),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with redirect_stderr(StringIO()):  # a bar for each file, of one step
        pipeline.save_pretrained(folder)
