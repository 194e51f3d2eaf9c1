"""Labelled image sets: scikit-learn's digits, and ``.npz`` files.

A ``.npz`` pack holds ``x_train``, ``y_train``, ``x_test`` (or ``x_val``), ``y_test`` (or ``y_val``) and ``names``:
images uint8 [N, H, W], [N, H, W, 1] or [N, H, W, 3] of any size, labels integers, a name for each label.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from stream.image_codec import Pixels, encode_png
from stream.process.errors import SourceUnavailable
from stream.sources.datasets.orders import Labels
from stream.sources.folders.image_files import EncodedImage

SPLIT_FILE = Path(__file__).with_name("digits_split.json")
PACK_NAMES = ("digits", "fashion_mnist", "cifar10", "cifar100", "tinyimagenet32", "npz")
DIGIT_NAMES = tuple(str(digit) for digit in range(10))


@dataclass(frozen=True)
class Pack:
    """Images to stream and unseen images to test on.

    Parameters
    ----------
    stream_images, test_images
        uint8, [images, height, width, 3].
    stream_labels, test_labels
        int64, [images]; 0 up to the number of classes, without gaps.
    names
        The classes' names by label.
    """

    name: str
    stream_images: Pixels
    stream_labels: Labels
    test_images: Pixels
    test_labels: Labels
    names: tuple[str, ...]

    def encoded(self, index: int) -> EncodedImage:
        """Return image ``index`` of the stream as PNG."""
        return EncodedImage("image/png", encode_png(self.stream_images[index]))


def load_pack(name: str, data: Path | None) -> Pack:
    """Load the pack ``name``.

    Parameters
    ----------
    name
        One of `PACK_NAMES`.
    data
        Not used for ``digits``; for ``npz`` the file; otherwise the folder that holds ``<name>.npz``, or that file.

    Raises
    ------
    SourceUnavailable
        The name is unknown, the file is not there, or it is not such a pack.

    Examples
    --------
    >>> load_pack("digits", None).stream_images.shape
    (800, 32, 32, 3)
    """
    if name not in PACK_NAMES:
        message = f"there is no data set {name!r}; choose one of {', '.join(PACK_NAMES)}"
        raise SourceUnavailable(message)
    if name == "digits":
        return _digits()
    if data is None:
        message = f"the data set {name!r} is read from a file; name it, or its folder, with --data"
        raise SourceUnavailable(message)
    return _npz(name, data / f"{name}.npz" if data.is_dir() else data)


def in_colour(images: Pixels) -> Pixels:
    """Return [N, H, W, 1 or 3] as [N, H, W, 3]; 28 x 28, MNIST and its kin, padded to 32 as everywhere in the field."""
    if images.shape[1:3] == (28, 28):
        images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], 3)))


def digits_part(part: str) -> tuple[Pixels, Labels]:
    """Return images and labels of one part of scikit-learn's digits: ``teachers``, ``stream`` or ``test``."""
    from sklearn.datasets import load_digits  # noqa: PLC0415  a second to import, for these alone

    digits = load_digits()
    indices = json.loads(SPLIT_FILE.read_text())[part]
    images = np.stack([_scaled(scan) for scan in digits.images[indices]])
    return images, digits.target[indices].astype(np.int64)


def _digits() -> Pack:
    return Pack("digits", *digits_part("stream"), *digits_part("test"), DIGIT_NAMES)


def _scaled(scan: npt.NDArray[np.float64]) -> Pixels:
    """Scale one scan of 8 x 8 values 0 … 16 to 32 x 32 x 3 bytes."""
    grey = Image.fromarray(np.rint(scan * (255 / 16)).astype(np.uint8))
    return np.array(grey.resize((32, 32), Image.Resampling.BILINEAR).convert("RGB"))


def _npz(name: str, file: Path) -> Pack:
    try:
        with zipfile.ZipFile(file), np.load(file, allow_pickle=False) as arrays:
            content = {key: arrays[key] for key in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{file} cannot be read as an .npz pack ({error}); name a whole one with --data"
        raise SourceUnavailable(message) from error
    return _pack_of(name, file, content)


def _pack_of(name: str, file: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> Pack:
    stream_images, test_images = (_images(file, arrays, keys) for keys in (["x_train"], ["x_test", "x_val"]))
    stream_labels, test_labels = (_labels(file, arrays, keys) for keys in (["y_train"], ["y_test", "y_val"]))
    for images, labels, part in ((stream_images, stream_labels, "train"), (test_images, test_labels, "test")):
        if len(images) != len(labels) or not len(images):
            raise _wrong(file, f"as many labels as images in {part}", f"{len(labels)} and {len(images)}")
    all_names = [str(word) for word in _first(file, arrays, ["names"])]
    used = np.union1d(stream_labels, test_labels)
    if used[0] < 0 or used[-1] >= len(all_names):
        raise _wrong(file, "a name for each label", f"{len(all_names)} names and labels {used[0]} to {used[-1]}")
    return Pack(
        name,
        stream_images,
        np.searchsorted(used, stream_labels).astype(np.int64),
        test_images,
        np.searchsorted(used, test_labels).astype(np.int64),
        tuple(all_names[label] for label in used),
    )


def _images(file: Path, arrays: Mapping[str, npt.NDArray[Any]], keys: Sequence[str]) -> Pixels:
    images = _first(file, arrays, keys)
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] not in ((), (1,), (3,)):
        raise _wrong(file, f"{keys[0]} of uint8 [N, H, W] or [N, H, W, 3]", f"{images.dtype} {list(images.shape)}")
    return in_colour(images.reshape(*images.shape[:3], *(images.shape[3:] or (1,))))


def _labels(file: Path, arrays: Mapping[str, npt.NDArray[Any]], keys: Sequence[str]) -> Labels:
    labels = _first(file, arrays, keys)
    if labels.dtype.kind not in "iu" or labels.size != len(labels):
        raise _wrong(file, f"{keys[0]} of integers [N]", f"{labels.dtype} {list(labels.shape)}")
    return labels.reshape(-1).astype(np.int64)


def _first(file: Path, arrays: Mapping[str, npt.NDArray[Any]], keys: Sequence[str]) -> npt.NDArray[Any]:
    for key in keys:
        if key in arrays and arrays[key].ndim:
            return arrays[key]
    raise _wrong(file, f"an array {' or '.join(keys)}", f"only {', '.join(sorted(arrays))}")


def _wrong(file: Path, expected: str, came: str) -> SourceUnavailable:
    message = (
        f"{file} should hold {expected}, but {came} came; see stream/sources/datasets/packs.py for what a pack holds"
    )
    return SourceUnavailable(message)
