"""A tree of folders as a labelled set: one folder for each class, its images anywhere below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream.process.errors import SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources.datasets.orders import Labels
from stream.sources.folders.image_files import SUFFIXES, EncodedImage, image_paths, read_image_file


@dataclass(frozen=True)
class ImageTree:
    """The files of a tree; each is read when it is asked for.

    Parameters
    ----------
    paths
        Relative to ``folder``.
    """

    folder: Path
    paths: Sequence[str]
    stream_labels: Labels
    names: tuple[str, ...]
    settings: StreamSettings

    def encoded(self, index: int) -> EncodedImage:
        """Return the file's own bytes.

        Raises
        ------
        InvalidImage
            It cannot be read.
        """
        return read_image_file(self.folder / self.paths[index], self.settings)


def read_image_tree(folder: Path, settings: StreamSettings) -> ImageTree:
    """Find the images: classes by the folders' names in ascending order, images by their paths.

    Raises
    ------
    SourceUnavailable
        The folder cannot be listed, or no folder in it holds an image.
    """
    paths = sorted(path for path in image_paths(folder) if len(Path(path).parts) > 1)
    classes = [Path(path).parts[0] for path in paths]
    names = sorted(set(classes))
    if not names:
        message = (
            f"{folder} should hold a folder for each class with {', '.join(SUFFIXES)} files in it, and none is there; "
            "name another with --data, or feed unlabelled files with `feed folder`"
        )
        raise SourceUnavailable(message)
    labels = np.searchsorted(np.array(names), np.array(classes)).astype(np.int64)
    return ImageTree(folder, paths, labels, tuple(names), settings)
