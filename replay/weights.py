"""The files of the pretrained models on this machine, and their size; no model is loaded."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from replay.errors import DeviceMissing
from replay.settings import ReplaySettings
from stream.process.errors import R2RError

DIGITS = "digits"
"""Names the pair of small teachers that comes with the package."""
_SHIPPED_FILES = {"labeller": "labeller", "pipeline": "generator", "words_file": "words.txt"}
_IN_USE = 1.5  # of the weights' bytes: with what one batch takes beside them


def shipped(setting: Literal["labeller", "pipeline", "words_file"], value: str) -> str:
    """Return the path of the shipped file where a setting is `DIGITS`; any other value as it is.

    Examples
    --------
    >>> shipped("labeller", "ViT-B-32/datacomp_xl_s13b_b90k")
    'ViT-B-32/datacomp_xl_s13b_b90k'
    >>> Path(shipped("words_file", "digits")).is_file()
    True
    """
    return str(Path(__file__).parent / "teachers" / DIGITS / _SHIPPED_FILES[setting]) if value == DIGITS else value


@dataclass(frozen=True)
class Weights:
    """The files of one model.

    Parameters
    ----------
    setting
        ``labeller`` or ``pipeline``.
    file_bytes
        On disk; 0 where they are missing.
    halved
        Whether files of four bytes a number, as published, are computed with in two.
    missing
        One sentence with the fault and its remedy; empty where there is none.
    """

    setting: str
    source: str
    file_bytes: int = 0
    missing: str = ""
    halved: bool = False

    @property
    def memory_bytes(self) -> int:
        """An estimate of the memory in use."""
        return round(_IN_USE * self.file_bytes / (2 if self.halved else 1))


def weights_of(settings: ReplaySettings) -> list[Weights]:
    """Return the weights that a worker with these settings reads at its start; none where it needs no model."""
    found = []
    if settings.labeller:
        found.append(_found("labeller", settings.labeller, _labeller_files))
    if settings.generator == "text_to_image" and settings.pipeline:
        found.append(replace(_found("pipeline", settings.pipeline, _pipeline_files), halved=_is_halved(settings)))
    return found


def _is_halved(settings: ReplaySettings) -> bool:
    """Return whether the pipeline computes with two bytes a number: by its setting, or by default on a GPU."""
    if settings.precision != "auto":
        return settings.precision != "float32"
    from replay.devices import device_named  # noqa: PLC0415  torch takes seconds to import

    try:
        return settings.pipeline != DIGITS and device_named(settings.device).type == "cuda"
    except DeviceMissing:
        return False


def _found(setting: str, source: str, files: Callable[[str], list[Path]]) -> Weights:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    place = shipped("labeller", source) if setting == "labeller" else shipped("pipeline", source)
    try:
        return Weights(setting, source, sum(file.stat().st_size for file in files(place)))
    except R2RError as error:
        return Weights(setting, source, missing=str(error))


def _labeller_files(source: str) -> list[Path]:
    from replay.label.open_clip_model import weights_file  # noqa: PLC0415  torch takes seconds to import

    return [weights_file(source)]


def _pipeline_files(source: str) -> list[Path]:
    from replay.generate.diffusion_pipeline import pipeline_folder, pipeline_missing  # noqa: PLC0415  as above
    from replay.generate.pipeline_parts import part_files  # noqa: PLC0415

    files = part_files(pipeline_folder(source) / "*")  # whole checkpoints beside them are not read
    if not files:
        raise pipeline_missing(source)
    return files
