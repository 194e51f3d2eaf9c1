"""diffusers behind types: any text-to-image pipeline from this machine's disk, never from the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from replay.devices import moved_to
from replay.errors import DeviceMemoryFull, WeightsCorrupt, WeightsMissing
from replay.generate.pipeline_parts import check_parts
from stream.image_codec import Pixels
from stream.process.errors import InvalidSetting

Scheduler = Literal["own", "dpm", "lcm"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]
_GIGABYTES = {"CompVis/stable-diffusion-v1-4": 5.5, "stabilityai/sd-turbo": 5.2, "stabilityai/sdxl-turbo": 13.9}


@dataclass(frozen=True)
class Drawn:
    """An image, uint8 [height, width, 3], and whether the model's own safety checker has blacked it out."""

    image: Pixels
    flagged: bool


class DiffusionPipeline:
    """Draws images of prompts.

    Parameters
    ----------
    source
        A folder that holds ``model_index.json``, or a hub id whose files lie in the hub's cache already.
    scheduler
        ``own`` as published, which turbo models need; ``dpm``, DPM-Solver++ of second order, for 15 to 25 steps;
        ``lcm`` for latent consistency models.
    precision
        ``auto`` is float32 on a CPU, and on a GPU bfloat16 where it has it, else float16.
    sliced
        Whether attention and decoding go piece by piece: slower, and with less memory.

    Raises
    ------
    WeightsMissing
        The files are not on this machine.
    WeightsCorrupt
        The files are there and cannot be read.
    DeviceMemoryFull
        They do not fit the device.
    InvalidSetting
        The precision is none of the device's.
    """

    def __init__(
        self, source: str, device: torch.device, scheduler: Scheduler, precision: Precision, *, sliced: bool
    ) -> None:
        self._source = source
        self._pipeline = _scheduled(moved_to(device, _loaded(source, dtype_of(precision, device)), source), scheduler)
        self._pipeline.set_progress_bar_config(disable=True)
        if sliced:
            self._pipeline.enable_attention_slicing()
            self._pipeline.vae.enable_slicing()

    def try_out(self, steps: int, guidance: float) -> None:
        """Draw one image in two steps: a pipeline that cannot work fails at the start, not at every request.

        Raises
        ------
        WeightsCorrupt
            It is no text-to-image pipeline, cannot do so many steps, or its numbers are none.
        DeviceMemoryFull
            One image does not fit the device.
        """
        generator = [torch.Generator().manual_seed(0)]
        choices = {"num_inference_steps": min(steps, 2), "guidance_scale": guidance, "output_type": "np"}
        try:
            self._pipeline.scheduler.set_timesteps(steps)
            drawn = self._pipeline(["a photo"], generator=generator, **choices)
            sound = bool(np.isfinite(drawn.images).all())
        except torch.OutOfMemoryError as error:
            message = f"one image of {self._source} does not fit the device's memory; choose a smaller model"
            raise DeviceMemoryFull(message) from error
        except Exception as error:  # whatever a pipeline that does not fit its settings trips over
            raise self._useless(" ".join(str(error).split())[:200]) from error
        if not sound:
            reason = "its numbers are infinite or none"
            raise self._useless(reason)

    def _useless(self, reason: str) -> WeightsCorrupt:
        message = (
            f"{self._source} does not generate images ({reason}); choose other replay.steps, replay.guidance or "
            "replay.scheduler, or another pipeline"
        )
        return WeightsCorrupt(message)

    def draw(self, prompts: Sequence[str], seeds: Sequence[int], steps: int, guidance: float) -> list[Drawn]:
        """Return one image for each prompt and seed; noise is drawn on the CPU, so that devices agree.

        Raises
        ------
        torch.OutOfMemoryError
            They do not fit the device's memory together.
        """
        drawn = self._pipeline(
            list(prompts),
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            num_inference_steps=steps,
            guidance_scale=guidance,
        )
        flags = getattr(drawn, "nsfw_content_detected", None) or [False] * len(seeds)
        images = [np.array(image.convert("RGB")) for image in drawn.images]
        return [Drawn(image, bool(flag)) for image, flag in zip(images, flags, strict=True)]


def dtype_of(precision: Precision, device: torch.device) -> torch.dtype:
    """Return in what a pipeline computes.

    Raises
    ------
    InvalidSetting
        The device is no good at it.
    """
    if precision == "auto":
        if device.type == "cpu":
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if precision == "float16" and device.type == "cpu":
        message = "replay.precision is float16, which a CPU computes many times slower; use 'auto', or a GPU"
        raise InvalidSetting(message)
    return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[precision]


def pipeline_folder(source: str) -> Path:
    """Return the folder that holds the pipeline's files, in the hub's cache where ``source`` is a hub id.

    Raises
    ------
    WeightsMissing
        It is not on this machine.
    """
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  half a second to import
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415

    folder = _checked(source)
    if folder.is_dir():
        return folder
    try:
        index = try_to_load_from_cache(source, "model_index.json")
    except HFValidationError as error:  # neither a folder nor what a hub id looks like
        raise pipeline_missing(source) from error
    if not isinstance(index, str):
        raise pipeline_missing(source)
    return Path(index).parent


def _checked(source: str) -> Path:
    """Return the source as a path; raise WeightsMissing where it is a folder without a pipeline."""
    folder = Path(source).expanduser()
    if not (folder / "model_index.json").is_file() and (folder.is_dir() or source.startswith((".", "/", "~"))):
        message = (
            f"{folder} holds no diffusers pipeline (model_index.json); train one with `r2r teachers train`, or copy "
            "a published one there"
        )
        raise WeightsMissing(message)
    return folder


def _loaded(source: str, dtype: torch.dtype) -> Any:
    from diffusers import DiffusionPipeline as Published  # noqa: PLC0415  seconds to import
    from diffusers.utils import logging as diffusers_logging  # noqa: PLC0415
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    folder = _checked(source)
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    where = str(folder) if folder.is_dir() else source
    transformers_logging.set_verbosity_error()
    try:
        pipeline = Published.from_pretrained(
            where, dtype=dtype, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
        )
    except (FileNotFoundError, HFValidationError) as error:  # the hub's own, too: its cache does not hold the model
        raise pipeline_missing(source) from error
    except Exception as error:  # whatever a broken file makes it trip over
        reason = " ".join(str(error).split())[:200]
        message = f"{source} cannot be read as a diffusers pipeline ({reason}); fetch or train it anew"
        raise WeightsCorrupt(message) from error
    check_parts(pipeline, pipeline_folder(source), source)
    return pipeline


def pipeline_missing(source: str) -> WeightsMissing:
    """Return the error that says how to fetch the files."""
    size = f", about {_GIGABYTES[source]} GB," if source in _GIGABYTES else ""
    message = (
        f"the files of {source}{size} are not on this machine and nothing is fetched by itself; fetch them once with "
        f"`hf download {source}`, or name a folder that holds a pipeline"
    )
    return WeightsMissing(message)


def _scheduled(pipeline: Any, scheduler: Scheduler) -> Any:
    from diffusers import DPMSolverMultistepScheduler, LCMScheduler  # noqa: PLC0415  seconds to import

    if scheduler != "own":
        kinds = {"dpm": DPMSolverMultistepScheduler, "lcm": LCMScheduler}
        pipeline.scheduler = kinds[scheduler].from_config(pipeline.scheduler.config)
    return pipeline
