"""The labelled pictures that teachers may learn from; nobody streams them or is tested on them."""

from dataclasses import dataclass
from pathlib import Path

from stream.image_codec import Pixels
from stream.sources.datasets.orders import Labels
from stream.sources.datasets.packs import DIGIT_NAMES, Pack, digits_part, load_pack


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures and what they show.

    Parameters
    ----------
    images
        uint8, [images, height, width, 3].
    labels
        int64, [images]; indices into ``names``.
    """

    name: str
    images: Pixels
    labels: Labels
    names: tuple[str, ...]


def teacher_part(name: str, data: Path | None) -> LabelledPictures:
    """Return the teachers' pictures: of the digits the 600 set aside, of any other pack the first half to stream.

    Raises
    ------
    SourceUnavailable
        As `stream.sources.datasets.packs.load_pack`.

    Examples
    --------
    >>> teacher_part("digits", None).images.shape
    (600, 32, 32, 3)
    """
    if name == "digits":
        return LabelledPictures(name, *digits_part("teachers"), DIGIT_NAMES)
    pack = load_pack(name, data)
    half = len(pack.stream_labels) // 2
    return LabelledPictures(name, pack.stream_images[:half], pack.stream_labels[:half], pack.names)


def unseen_part(name: str, data: Path | None) -> tuple[LabelledPictures, LabelledPictures]:
    """Return what no teacher has seen: the pictures to stream, those of the teachers left out, and those to test on.

    Raises
    ------
    SourceUnavailable
        As `stream.sources.datasets.packs.load_pack`.
    """
    pack = load_pack(name, data)
    half = 0 if name == "digits" else len(pack.stream_labels) // 2
    return _stream_from(pack, half), LabelledPictures(name, pack.test_images, pack.test_labels, pack.names)


def _stream_from(pack: Pack, start: int) -> LabelledPictures:
    return LabelledPictures(pack.name, pack.stream_images[start:], pack.stream_labels[start:], pack.names)
