"""Images made of a name alone, by any text-to-image pipeline of diffusers."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from replay.devices import device_named
from replay.errors import DeviceMemoryFull, SubjectUnnamed
from replay.generate.diffusion_pipeline import DiffusionPipeline, Drawn, Precision, Scheduler
from replay.subject import Subject
from stream.image_codec import Pixels

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PipelineOptions:
    """How a pipeline is loaded and asked; the defaults suit the small teachers and Stable Diffusion 1.

    Parameters
    ----------
    templates
        Prompts with ``{}`` where the name belongs; an image's seed chooses one.
    steps, guidance
        A turbo model wants 1 to 4 steps, guidance 0 and its own scheduler; a consistency model 4 to 8 steps and
        ``lcm``.
    batch_images
        Drawn at a time; the last ones of a call are filled up to so many, at the cost of a whole batch.
    scheduler, precision, sliced
        As `replay.generate.diffusion_pipeline.DiffusionPipeline`.
    """

    templates: tuple[str, ...] = ("a photo of a {}",)
    steps: int = 20
    guidance: float = 2.0
    batch_images: int = 8
    scheduler: Scheduler = "own"
    precision: Precision = "auto"
    sliced: bool = False


class TextToImage:
    """Generates images of named subjects; see `replay.generate.generator.Generator` for what it keeps.

    The exemplars are not read. A subject without a name is refused: another generator has to be asked. Each
    batch has the same size, because in another one floats are rounded otherwise and pixels differ by one step of 255;
    that happens where memory was full and the batch was halved.

    Parameters
    ----------
    name
        What is written beside its images.
    """

    def __init__(self, name: str, pipeline: DiffusionPipeline, options: PipelineOptions) -> None:
        self.name = name
        self._pipeline: DiffusionPipeline | None = pipeline
        self._options = options
        self._batch_images = options.batch_images

    def generate(self, subject: Subject, seeds: Sequence[int]) -> list[Pixels | None]:
        """Return one image for each seed, uint8 [height, width, 3] of the model's size; None where it was flagged.

        Raises
        ------
        SubjectUnnamed
            The subject has no name.
        DeviceMemoryFull
            The device's memory is full with half the batch, too.
        """
        if not subject.name:
            message = f"{self.name} generates from names and the subject has none; name the cluster, or use resynthesis"
            raise SubjectUnnamed(message)
        drawn: list[Drawn] = []  # more than asked for at the end
        while len(drawn) < len(seeds):
            drawn += self._batch(subject.name, seeds[len(drawn) :])
        return [None if one.flagged else one.image for one in drawn[: len(seeds)]]

    def close(self) -> None:
        """Let go of the pipeline and its memory."""
        self._pipeline = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _batch(self, name: str, seeds: Sequence[int]) -> list[Drawn]:
        """Return one batch, filled up with the last seed; where memory is full, one of half the size, now and later."""
        try:
            return self._draw(name, seeds[: self._batch_images])
        except torch.OutOfMemoryError:
            _log.warning("%d images of %s do not fit the device's memory; trying half", self._batch_images, self.name)
        self._batch_images = max(1, self._batch_images // 2)
        torch.cuda.empty_cache()
        try:
            return self._draw(name, seeds[: self._batch_images])
        except torch.OutOfMemoryError as error:
            message = (
                f"{self.name} does not fit the device's memory with a batch of {self._batch_images} either; choose "
                "fewer replay.pipeline_images, replay.precision float16, replay.sliced, another replay.device or a "
                "smaller model"
            )
            raise DeviceMemoryFull(message) from error

    def _draw(self, name: str, seeds: Sequence[int]) -> list[Drawn]:
        if self._pipeline is None:
            message = f"{self.name} was closed; open it again"
            raise RuntimeError(message)
        templates = self._options.templates
        filled = [*seeds, *[seeds[-1]] * (self._batch_images - len(seeds))]
        prompts = [templates[seed % len(templates)].replace("{}", name) for seed in filled]
        return self._pipeline.draw(prompts, filled, self._options.steps, self._options.guidance)


def open_text_to_image(source: str, options: PipelineOptions, device: str = "auto") -> TextToImage:
    """Return a generator over the pipeline ``source``, a folder or a hub id, named after its last part.

    Raises
    ------
    WeightsMissing, WeightsCorrupt, DeviceMissing, DeviceMemoryFull
        As `replay.generate.diffusion_pipeline.DiffusionPipeline` and `replay.devices.device_named`.
    """
    place = device_named(device)
    pipeline = DiffusionPipeline(source, place, options.scheduler, options.precision, sliced=options.sliced)
    pipeline.try_out(options.steps, options.guidance)
    return TextToImage(f"text_to_image:{Path(source).name}", pipeline, options)
