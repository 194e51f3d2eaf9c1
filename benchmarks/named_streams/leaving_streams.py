"""Streams that leave the teachers' world: as the teachers know it for half of their frames, then slowly something else.

===========  =========================================================================================================
``digits``     nothing changes
``rotated``    turned counterclockwise, up to 35 degrees
``noisy``      up to 55 % darker, and sensor noise of up to 6 % of the full range
``defocused``  blurred by a Gaussian of up to 2.9 pixels of 32
===========  =========================================================================================================

Every frame has its own seeded draw; the border is what it was at the edge.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from stream.image_codec import Pixels
from stream.sources.datasets.packs import Pack

Unit = npt.NDArray[np.float64]
_Change = Callable[[Unit, float, np.random.Generator], Unit]
_DEGREES, _DARKER, _NOISE, _BLUR_PIXELS = 35.0, 0.55, 0.06, 2.9


def _still(unit: Unit, _strength: float, _: np.random.Generator) -> Unit:
    return unit


def _turn(unit: Unit, strength: float, _: np.random.Generator) -> Unit:
    return np.asarray(ndimage.rotate(unit, _DEGREES * strength, axes=(1, 0), reshape=False, order=1, mode="nearest"))


def _darken(unit: Unit, strength: float, random: np.random.Generator) -> Unit:
    noise = random.normal(0.0, _NOISE * strength, (*unit.shape[:2], 1))
    return unit * (1 - _DARKER * strength) + noise


def _defocus(unit: Unit, strength: float, _: np.random.Generator) -> Unit:
    sigma = _BLUR_PIXELS * strength * min(unit.shape[:2]) / 32
    return np.asarray(ndimage.gaussian_filter(unit, (sigma, sigma, 0), mode="nearest"))


WORLDS: dict[str, _Change] = {"digits": _still, "rotated": _turn, "noisy": _darken, "defocused": _defocus}


def leaving_stream(pack: Pack, world: str, frames: int, seed: int) -> Pack:
    """Return a pack whose stream images are the stream's frames, in order, and whose test images its last condition.

    The pack's images are shuffled anew whenever all were shown.
    """
    random = np.random.default_rng(seed)
    images = len(pack.stream_images)
    order = np.concatenate([random.permutation(images) for _ in range(-(-frames // images))])[:frames]
    grown = np.clip((np.arange(frames) - frames // 2 + 1) / (frames - frames // 2), 0, 1)
    return replace(
        pack,
        stream_images=_laid(pack.stream_images[order], WORLDS[world], grown, seed),
        stream_labels=pack.stream_labels[order],
        test_images=_laid(pack.test_images, WORLDS[world], np.ones(len(pack.test_images)), seed + 1),
    )


def _laid(images: Pixels, change: _Change, strengths: npt.NDArray[np.float64], seed: int) -> Pixels:
    laid = np.empty_like(images)
    for place, (image, strength) in enumerate(zip(images, strengths, strict=True)):
        changed = change(image / 255.0, float(strength), np.random.default_rng([seed, place]))
        laid[place] = np.rint(np.clip(changed, 0, 1) * 255).astype(np.uint8)
    return laid
