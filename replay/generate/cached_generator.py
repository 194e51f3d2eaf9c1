"""A bounded least-recently-used cache of images, for generators whose images depend on name and seed alone."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from replay.generate.generator import Generator
from replay.subject import Subject
from stream.image_codec import Pixels, decode_image, encode_png

_ENTRY_BYTES = 300  # a key and its place in the order: 190 by tracemalloc, and a name of its own 100
_ANY = 2**31  # the worker's own files need no caps


@dataclass(frozen=True, slots=True)
class SampleKey:
    """What an image depends on.

    Parameters
    ----------
    name
        The subject's.
    generator
        The generator's name with all its settings and its weights; another setting is another generator.
    seed
        The image's own.
    """

    name: str
    generator: str
    seed: int


class SampleCache:
    """Images by `SampleKey`, as a least-recently-used cache.

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
        """Return an image, or None; the order changes only in `keep`."""
        return self._images.get(key)

    def keep(self, key: SampleKey, image: bytes) -> None:
        """Hold an image as the most recently used; evict the least recently used. One too large is not held."""
        self._held_bytes -= _size(self._images.pop(key, None))
        if _size(image) > self._most_bytes:
            return
        self._images[key] = image
        self._held_bytes += _size(image)
        while self._held_bytes > self._most_bytes:
            self._held_bytes -= _size(self._images.popitem(last=False)[1])


def _size(image: bytes | None) -> int:
    return 0 if image is None else len(image) + _ENTRY_BYTES


class CachedGenerator:
    """Generates each image once, as long as the cache holds it; see `replay.generate.generator.Generator`.

    Parameters
    ----------
    observe
        Called after each call with the images that were held, those that were not, and the bytes that are held now.
    """

    def __init__(
        self, generator: Generator, cache: SampleCache, observe: Callable[[int, int, int], None] = lambda *_: None
    ) -> None:
        self._generator = generator
        self._cache = cache
        self._observe = observe

    @property
    def name(self) -> str:
        """Of the generator behind it: the images are the same."""
        return self._generator.name

    def generate(self, subject: Subject, seeds: Sequence[int]) -> list[Pixels | None]:
        """Return an image for each seed; those that are not held are generated together. None is never held."""
        keys = [SampleKey(subject.name, self.name, seed) for seed in seeds]
        held = {key: file for key in keys if (file := self._cache.find(key)) is not None}
        missing = [key for key in dict.fromkeys(keys) if key not in held]
        generated = self._generator.generate(subject, [key.seed for key in missing]) if missing else []
        images: dict[SampleKey, Pixels | None] = {key: decode_image(file, _ANY, _ANY) for key, file in held.items()}
        images |= dict(zip(missing, generated, strict=True))
        for key, image in images.items():
            if image is not None:
                self._cache.keep(key, held.get(key) or encode_png(np.ascontiguousarray(image)))
        self._observe(len(held), len(missing), self._cache.held_bytes)
        return [images[key] for key in keys]

    def close(self) -> None:
        """Close the generator behind it."""
        self._generator.close()
