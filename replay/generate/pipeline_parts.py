"""Whether the files of a pipeline's parts hold what the parts are made of.

diffusers initializes tensors that are missing in a file at random, with a warning only.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn

from replay.errors import WeightsCorrupt

_VARIANTS = (".fp16.", ".non_ema.")  # beside the files that are read
_ALIKE = 0.5  # of the names in the file; some older ones have other names for a few


def part_files(folder: Path) -> list[Path]:
    """Return the files with the weights of one part, or by ``folder / "*"`` of all."""
    files = sorted(folder.parent.glob(f"{folder.name}/*.safetensors"))
    return [file for file in files if not any(variant in file.name for variant in _VARIANTS)]


def check_parts(pipeline: Any, folder: Path, source: str) -> None:
    """Compare each part of a loaded pipeline with the names of the tensors in its files; no tensor is read.

    Raises
    ------
    WeightsCorrupt
        A part has more tensors than its files, or another model's.
    """
    from diffusers import ModelMixin  # noqa: PLC0415  seconds to import

    for name, part in pipeline.components.items():
        files = part_files(folder / name)
        if not isinstance(part, nn.Module) or not files:
            continue
        held = set(_names(files))
        wanted = {key: tensor.data_ptr() for key, tensor in part.state_dict().items()}
        whole = isinstance(part, ModelMixin)  # those of transformers have other beginnings than in older files
        found = {_compared(key, whole=whole) for key in held}
        alike = found & {_compared(key, whole=whole) for key in wanted}
        if len(held) < len({*wanted.values()}) or len(alike) < _ALIKE * len(found):
            message = f"the files of {source} do not hold its {name} ({files[0].name}); fetch or train it anew"
            raise WeightsCorrupt(message)


def _compared(key: str, *, whole: bool) -> str:
    return key if whole else ".".join(key.split(".")[-2:])


def _names(files: list[Path]) -> Iterator[str]:
    from safetensors import safe_open  # noqa: PLC0415  only where there is a pipeline

    for file in files:
        with safe_open(file, framework="pt") as tensors:
            yield from tensors.keys()
