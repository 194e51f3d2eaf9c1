"""The seeds of a request's images: derived from its own, so that the same request gives the same images anywhere."""

import numpy as np


def image_seeds(seed: int, count: int) -> list[int]:
    """Return a seed of 32 bits for each image; the first ones do not depend on ``count``.

    Examples
    --------
    >>> image_seeds(7, 3) == image_seeds(7, 9)[:3]
    True
    """
    return [int(word) for word in np.random.SeedSequence(seed).generate_state(count)]


def pool_seeds(seed: int, count: int, pool: int) -> list[int]:
    """Return seeds below ``pool``, each once, so at most so many; the first ones do not depend on ``count``.

    Examples
    --------
    >>> pool_seeds(7, 3, pool=512) == pool_seeds(7, 9, pool=512)[:3]
    True
    """
    return [int(place) for place in np.random.default_rng(seed).permutation(pool)[:count]]
