"""open_clip behind types: any of its models from this machine's disk, never from the network.

A model is a folder in open_clip's published format, a tag as ``ViT-B-32/laion2b_s34b_b79k`` whose weights lie in
the hub's cache already, or an architecture and a file as ``ViT-B-32:weights.safetensors``.

Axes: N images or texts, D dimensions.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from replay.devices import in_halves, moved_to
from replay.errors import WeightsCorrupt, WeightsMissing
from stream.image_codec import Pixels

_CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
_MEGABYTES = {"RN50": 410, "ViT-B-32": 605, "ViT-B-16": 600, "ViT-L-14": 1710, "ViT-H-14": 3940}


class OpenClipModel:
    """Embeds images and texts.

    Parameters
    ----------
    source
        A folder, ``architecture/tag`` or ``architecture:file.safetensors``.

    Raises
    ------
    WeightsMissing
        The files are not on this machine.
    WeightsCorrupt
        The files are there and cannot be read.
    DeviceMemoryFull
        They do not fit the device.
    """

    def __init__(self, source: str, device: torch.device) -> None:
        self.device = device
        self._source = source
        read = _file if _is_file(source) else _folder if _is_folder(source) else _tag
        self._model, self._preprocess, self._tokenizer = read(source)
        self._model = moved_to(device, self._model, source).eval()

    @property
    def scale(self) -> float:
        """The model's own factor of the cosines."""
        return float(self._model.logit_scale.detach().exp())

    @torch.no_grad()
    def embed_images(self, images: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        """Return float32 [N, D] of length 1; images are uint8 [height, width, 3] of any size.

        Raises
        ------
        DeviceMemoryFull
            They do not fit the device, and half of them does not either.
        """
        return in_halves(self._embedded_images, images, self._source)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return float32 [N, D] of length 1; see `embed_images`."""
        return in_halves(self._embedded_texts, texts, self._source)

    def _embedded_images(self, images: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        batch_NCHW = torch.stack([self._preprocess(Image.fromarray(image)) for image in images]).to(self.device)
        embedded_ND: Tensor = self._model.encode_image(batch_NCHW, normalize=True)
        return embedded_ND.float().cpu().numpy()

    def _embedded_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        embedded_ND: Tensor = self._model.encode_text(self._tokenizer(list(texts)).to(self.device), normalize=True)
        return embedded_ND.float().cpu().numpy()


def _is_file(source: str) -> bool:
    return source.endswith(".safetensors")


def _is_folder(source: str) -> bool:
    return (Path(source) / _CONFIG).is_file() or source.startswith((".", "/", "~"))


def weights_file(source: str) -> Path:
    """Return the file with the weights; no model is loaded.

    Raises
    ------
    WeightsMissing
        It is not on this machine.
    """
    if _is_file(source):
        return _named_file(source)[1]
    return _in_folder(Path(source).expanduser()) if _is_folder(source) else _cached(source, _published(source))


def _named_file(source: str) -> tuple[str, Path]:
    """Return architecture and file of a source that names both."""
    import open_clip  # noqa: PLC0415  seconds to import

    architecture, _, name = source.partition(":")
    if architecture not in open_clip.list_models():
        message = (
            f"{source!r} names no architecture of open_clip; write it before the file: 'ViT-B-32:FILE.safetensors'"
        )
        raise WeightsMissing(message)
    file = Path(name).expanduser()
    if not file.is_file():
        message = f"{file} is not on this machine; copy it there, or name a folder or a tag of open_clip"
        raise WeightsMissing(message)
    return architecture, file


def _file(source: str) -> tuple[Any, Any, Any]:
    """Load a file of weights with the preprocessing of its architecture, as open_clip has it without a tag."""
    import open_clip  # noqa: PLC0415  seconds to import

    architecture, file = _named_file(source)
    with _reading(file):
        model, _, preprocess = open_clip.create_model_and_transforms(architecture, pretrained=str(file))
        tokenizer = _tokenizer(architecture)
    return model, preprocess, tokenizer


def _in_folder(folder: Path) -> Path:
    file = next(iter(sorted(folder.glob("*.safetensors"))), None)
    if file is None or not (folder / _CONFIG).is_file():
        message = (
            f"{folder} holds no open_clip model ({_CONFIG} and {_WEIGHTS[0]}); train one with `r2r teachers train`, "
            "or copy a published one there"
        )
        raise WeightsMissing(message)
    return file


def _folder(source: str) -> tuple[Any, Any, Any]:
    import open_clip  # noqa: PLC0415  seconds to import

    folder = Path(source).expanduser()
    _in_folder(folder)
    name = f"local-dir:{folder}"
    with _reading(folder):
        model, _, preprocess = open_clip.create_model_and_transforms(name)
        tokenizer = open_clip.get_tokenizer(name)
    return model, preprocess, tokenizer


def _published(source: str) -> dict[str, Any]:
    import open_clip  # noqa: PLC0415  seconds to import

    architecture, _, tag = source.partition("/")
    published: dict[str, Any] = open_clip.get_pretrained_cfg(architecture, tag)
    if not published:
        message = (
            f"open_clip has no model {source!r}; name a folder, or a tag as 'ViT-B-32/laion2b_s34b_b79k' "
            "of those that `open_clip.list_pretrained()` returns"
        )
        raise WeightsMissing(message)
    return published


def _tag(source: str) -> tuple[Any, Any, Any]:
    import open_clip  # noqa: PLC0415  seconds to import

    architecture, published = source.partition("/")[0], _published(source)
    weights = _cached(source, published)
    with _reading(weights):
        model, _, preprocess = open_clip.create_model_and_transforms(
            architecture,
            pretrained=str(weights),
            force_quick_gelu=bool(published.get("quick_gelu", False)),
            image_mean=published.get("mean"),
            image_std=published.get("std"),
            image_interpolation=published.get("interpolation"),
            image_resize_mode=published.get("resize_mode"),
        )
        tokenizer = _tokenizer(architecture)
    return model, preprocess, tokenizer


def _tokenizer(architecture: str) -> Any:
    """Return the architecture's tokenizer; one of its own on the hub is looked for in the cache alone."""
    import open_clip  # noqa: PLC0415  seconds to import

    own = open_clip.get_model_config(architecture)["text_cfg"].get("hf_tokenizer_name")
    return open_clip.get_tokenizer(architecture, **({"local_files_only": True} if own else {}))


def _cached(source: str, published: dict[str, Any]) -> Path:
    """Return the weights' file in the hub's cache, or in open_clip's own for those that are not on the hub."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  half a second to import

    repository, file = os.path.split(published.get("hf_hub", ""))
    found = [try_to_load_from_cache(repository, name) for name in ([file] if file else _WEIGHTS)] if repository else []
    if published.get("url"):
        found.append(str(Path("~/.cache/clip").expanduser() / Path(published["url"]).name))
    for path in found:
        if isinstance(path, str) and Path(path).is_file():
            return Path(path)
    megabytes = _MEGABYTES.get(source.partition("/")[0])
    size = f", about {megabytes} MB," if megabytes else ""
    message = (
        f"the weights of {source}{size} are not on this machine and nothing is fetched by itself; fetch them once with "
        f"`hf download {repository or published.get('url')}`, or name a folder that holds a model"
    )
    raise WeightsMissing(message)


@contextmanager
def _reading(place: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever open_clip raises for a broken file
        reason = " ".join(str(error).split())[:200]
        message = f"{place} cannot be read as an open_clip model ({reason}); fetch or train it anew"
        raise WeightsCorrupt(message) from error
