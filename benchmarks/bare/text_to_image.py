"""The bare diffusers call: images a second of a pipeline in a folder, one batch after the other, nothing around it."""

import time
from collections.abc import Sequence

import torch
from diffusers import StableDiffusionPipeline


def load(folder: str) -> StableDiffusionPipeline:
    """Return the pipeline, silent."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def images_per_second(pipeline: StableDiffusionPipeline, prompts: Sequence[str], steps: int, guidance: float) -> float:
    """Draw one batch, an image for each prompt, each with a seed of its own."""
    started = time.perf_counter()
    pipeline(
        list(prompts),
        generator=[torch.Generator().manual_seed(seed) for seed in range(len(prompts))],
        num_inference_steps=steps,
        guidance_scale=guidance,
    )
    return len(prompts) / (time.perf_counter() - started)
