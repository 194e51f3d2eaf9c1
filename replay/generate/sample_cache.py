"""Finished images of a worker that need not be made again: bounded, and the one used longest ago leaves first."""

from collections import OrderedDict
from dataclasses import dataclass

_ENTRY_BYTES = 300  # a key and its place in the order: 190 by tracemalloc, and a name of its own 100


@dataclass(frozen=True, slots=True)
class SampleKey:
    """What an image depends on.

    Parameters
    ----------
    name
        What it shows.
    generator
        The generator's name with all its settings and its weights; another setting is another generator.
    seed
        The image's own.
    """

    name: str
    generator: str
    seed: int


class SampleCache:
    """Images by what they depend on; nothing but the order of calls decides what is held.

    Only for generators whose images do not depend on the exemplars.

    Parameters
    ----------
    most_bytes
        Of all images and what is held beside them; 0 holds nothing.

    Examples
    --------
    >>> cache = SampleCache(most_bytes=1000)
    >>> cache.keep(SampleKey("cat", "tiny/20 steps", 7), b"png")
    >>> cache.find(SampleKey("cat", "tiny/20 steps", 7))
    b'png'
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._images: OrderedDict[SampleKey, bytes] = OrderedDict()
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of the images, and 300 for each one's place."""
        return self._held_bytes

    def __len__(self) -> int:
        return len(self._images)

    def find(self, key: SampleKey) -> bytes | None:
        """Return an image, or None; changes nothing: who uses it calls `keep` again."""
        return self._images.get(key)

    def keep(self, key: SampleKey, image: bytes) -> None:
        """Hold an image as the one used last; those used longest ago leave. One larger than all room is not held."""
        self._held_bytes -= _size(self._images.pop(key, None))
        if _size(image) > self._most_bytes:
            return
        self._images[key] = image
        self._held_bytes += _size(image)
        while self._held_bytes > self._most_bytes:
            self._held_bytes -= _size(self._images.popitem(last=False)[1])


def _size(image: bytes | None) -> int:
    return 0 if image is None else len(image) + _ENTRY_BYTES
