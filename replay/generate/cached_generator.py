"""A generator that remembers what it painted: for those whose images depend on name and seed alone."""

from collections.abc import Callable, Sequence

import numpy as np

from replay.generate.generator import Generator, Subject
from replay.generate.sample_cache import SampleCache, SampleKey
from stream.image_codec import Pixels, decode_image, encode_png

_ANY = 2**31  # the worker's own files need no caps


class CachedGenerator:
    """Paints each image once, as long as the cache holds it; see `replay.generator.Generator`.

    Parameters
    ----------
    told
        Hears after each call how many images were held, how many were not, and how many bytes are held now.
    """

    def __init__(
        self, generator: Generator, cache: SampleCache, told: Callable[[int, int, int], None] = lambda *_: None
    ) -> None:
        self._generator = generator
        self._cache = cache
        self._told = told

    @property
    def name(self) -> str:
        """Of the generator behind it: the images are the same."""
        return self._generator.name

    def generate(self, subject: Subject, seeds: Sequence[int]) -> list[Pixels | None]:
        """Return an image for each seed; those that are not held are painted together. None is never held."""
        keys = [SampleKey(subject.name, self.name, seed) for seed in seeds]
        held = {key: file for key in keys if (file := self._cache.find(key)) is not None}
        missing = [key for key in dict.fromkeys(keys) if key not in held]
        painted = self._generator.generate(subject, [key.seed for key in missing]) if missing else []
        images: dict[SampleKey, Pixels | None] = {key: decode_image(file, _ANY, _ANY) for key, file in held.items()}
        images |= dict(zip(missing, painted, strict=True))
        for key, image in images.items():
            if image is not None:
                self._cache.keep(key, held.get(key) or encode_png(np.ascontiguousarray(image)))
        self._told(len(held), len(missing), self._cache.held_bytes)
        return [images[key] for key in keys]

    def close(self) -> None:
        """Close the generator behind it."""
        self._generator.close()
