"""The data sets of torchvision, by name: ``torchvision:MNIST``."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from tqdm import tqdm

from stream.process.errors import InvalidImage, SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources.datasets.orders import Labels
from stream.sources.datasets.packs import in_colour
from stream.sources.folders.image_files import EncodedImage, fitted

PREFIX = "torchvision:"
_LABEL_ATTRIBUTES = ("targets", "labels", "_labels")  # what its classes call them
_BAR_AFTER_SECONDS = 2.0


@dataclass(frozen=True)
class TorchvisionSet:
    """A set's training part, or all of one without parts; each image is read when asked for and travels as PNG."""

    name: str
    images: Any
    stream_labels: Labels
    names: tuple[str, ...]
    settings: StreamSettings

    def encoded(self, index: int) -> EncodedImage:
        """Return image ``index``.

        Raises
        ------
        InvalidImage
            torchvision cannot read it (``unreadable``).
        """
        try:
            image = self.images[index][0]
            pixels = np.asarray(image.convert("RGB"))
        except (OSError, ValueError, AttributeError) as error:
            message = f"image {index} of {self.name} cannot be read ({error}); get the set's files again"
            raise InvalidImage(message, reason="unreadable") from error
        return fitted(in_colour(pixels[None])[0], "image/png", self.settings)


def open_torchvision(name: str, data: Path | None, download: bool, settings: StreamSettings) -> TorchvisionSet:
    """Open torchvision's set ``name``: its training part, if it has one; classes without images are left out.

    Parameters
    ----------
    name
        Of a class of ``torchvision.datasets``, such as ``MNIST``.
    data
        Its ``root``: the folder that holds the set's files, in torchvision's own layout.
    download
        Whether to get files that are not there.

    Raises
    ------
    SourceUnavailable
        torchvision has no such set of labelled images, or its files are not there.
    """
    from torchvision import datasets  # noqa: PLC0415  it brings torch, which only these sets need

    maker = _maker_of(datasets, name)
    if data is None:
        message = f"{PREFIX}{name} is read from a folder; name the one that holds its files with --data"
        raise SourceUnavailable(message)
    try:
        images = maker(root=str(data), **_arguments_of(maker, download))
    except (RuntimeError, OSError, ValueError, TypeError) as error:  # what its sets raise for missing files
        remedy = "name its folder with --data" if download else "name its folder with --data, or get it with --download"
        message = f"torchvision cannot open {name} in {data} ({_first_line(error)}); {remedy}"
        raise SourceUnavailable(message) from error
    labels = _labels_of(name, images)
    used, dense = np.unique(labels, return_inverse=True)
    words = getattr(images, "classes", [])
    names = tuple(str(words[label]) if label < len(words) else str(label) for label in used.tolist())
    return TorchvisionSet(name, images, dense.astype(np.int64), names, settings)


def _maker_of(datasets: ModuleType, name: str) -> Any:
    maker: Any = getattr(datasets, name, None) if name in datasets.__all__ else None
    is_set = inspect.isclass(maker) and issubclass(maker, datasets.VisionDataset)
    if is_set and maker is not datasets.VisionDataset and "root" in inspect.signature(maker).parameters:
        return maker
    message = f"torchvision has no set {name!r} that is read from files; choose one like MNIST, CIFAR100 or SVHN"
    raise SourceUnavailable(message)


def _arguments_of(maker: Any, download: bool) -> dict[str, Any]:
    parameters = inspect.signature(maker).parameters
    values = {"train": True, "split": "train", "download": download}
    wanted = ("train", "download") if "train" in parameters else ("split", "download")
    return {key: values[key] for key in wanted if key in parameters}


def _labels_of(name: str, images: Any) -> Labels:
    for attribute in _LABEL_ATTRIBUTES:
        labels = np.asarray(getattr(images, attribute, ()))
        if len(labels) == len(images):
            break
    else:  # some sets tell a label only with its image
        progress = tqdm(range(len(images)), desc="read labels", unit="image", disable=None, delay=_BAR_AFTER_SECONDS)
        labels = np.asarray([images[index][1] for index in progress])
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or not len(labels):
        message = f"torchvision's {name} does not have one whole number as each image's label; choose another"
        raise SourceUnavailable(message)
    return labels.astype(np.int64)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip(".:") or type(error).__name__
