"""Images made of the exemplars alone: blended in pairs, warped a little, in other light. No pretrained model.

It adds the variation that pictures of one thing usually have and has no other knowledge of the subject: it cannot show
a side of it that no exemplar shows.

Axes: H × W pixels, C = 3 channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from replay.subject import Subject
from stream.image_codec import Pixels

_Image = npt.NDArray[np.float64]
_KNOTS = 4  # of the elastic field, along each side


@dataclass(frozen=True)
class Spread:
    """Standard deviations of what is drawn for each image; `blend` is the second exemplar's largest share.

    Lengths are shares of the image's side, light is in shares of the full range. The defaults were chosen by what a
    classifier learns from the images alone, on scikit-learn's digits and Fashion-MNIST; see ``docs/replay.md``.
    """

    turn_degrees: float = 6.0
    stretch: float = 0.05
    shear: float = 0.05
    shift: float = 0.025
    elastic: float = 0.025
    blend: float = 0.5
    brightness: float = 0.08
    contrast: float = 0.05
    noise: float = 0.02

    def times(self, strength: float) -> Self:
        """Return all of it ``strength`` times; a share is at most 1."""
        scaled = {field.name: strength * getattr(self, field.name) for field in fields(self)}
        return type(self)(**scaled | {"blend": min(1.0, scaled["blend"])})


class Resynthesis:
    """Augmented resynthesis of the exemplars; see `replay.generate.generator.Generator` for what it keeps.

    Examples
    --------
    >>> grey = np.full((8, 6, 3), 100, np.uint8)
    >>> [image.shape for image in Resynthesis(strength=1.0).generate(Subject("", [grey]), seeds=[1, 2])]
    [(8, 6, 3), (8, 6, 3)]
    """

    name = "resynthesis"

    def __init__(self, strength: float) -> None:
        self._spread = Spread().times(strength)

    def generate(self, subject: Subject, seeds: Sequence[int]) -> list[Pixels]:
        """Return one image for each seed, of the size of the exemplar that it is made of."""
        exemplars = [exemplar / 255.0 for exemplar in subject.exemplars]
        return [_resynthesized(exemplars, np.random.default_rng(seed), self._spread) for seed in seeds]

    def close(self) -> None:
        """Do nothing: nothing is held."""


def _resynthesized(exemplars: Sequence[_Image], draws: np.random.Generator, spread: Spread) -> Pixels:
    """1 choose, 2 blend, 3 warp, 4 light."""
    chosen_HWC = exemplars[int(draws.integers(len(exemplars)))]
    partners = [exemplar for exemplar in exemplars if exemplar.shape == chosen_HWC.shape]
    blended_HWC = _blend(chosen_HWC, partners[int(draws.integers(len(partners)))], spread.blend * draws.random())
    warped_HWC = _warp(blended_HWC, draws, spread)
    lit_HWC = _light(warped_HWC, draws, spread)
    return (lit_HWC * 255.0).round().clip(0, 255).astype(np.uint8)


def _blend(image_HWC: _Image, partner_HWC: _Image, share: float) -> _Image:
    """Lay the partner over the image, its centre on the image's."""
    by = _centre(image_HWC) - _centre(partner_HWC)
    moved_HWC = ndimage.shift(partner_HWC, (*by, 0), order=1, mode="nearest")
    blended_HWC: _Image = (1 - share) * image_HWC + share * moved_HWC
    return blended_HWC


def _centre(image_HWC: _Image) -> npt.NDArray[np.float64]:
    """Return row and column of the centre of what differs from the border."""
    grey_HW = image_HWC.mean(axis=2)
    border = np.median(np.concatenate([grey_HW[0], grey_HW[-1], grey_HW[:, 0], grey_HW[:, -1]]))
    weights_HW = np.abs(grey_HW - border) + 1e-6  # a plain image has its centre in the middle
    rows, columns = np.indices(grey_HW.shape)
    total = weights_HW.sum()
    return np.array([float((weights_HW * rows).sum() / total), float((weights_HW * columns).sum() / total)])


def _warp(image_HWC: _Image, draws: np.random.Generator, spread: Spread) -> _Image:
    """Turn, stretch, shear, shift and bend, all in one interpolation."""
    height, width, channels = image_HWC.shape
    angle = np.deg2rad(spread.turn_degrees) * draws.standard_normal()
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, spread.shear * draws.standard_normal()], [0.0, 1.0]])
    stretch = np.diag(np.exp(spread.stretch * draws.standard_normal(2)))
    shift = 2 * spread.shift * draws.standard_normal((2, 1, 1))
    bends = 2 * spread.elastic * draws.standard_normal((2, _KNOTS, _KNOTS))
    places = np.stack(np.meshgrid(_axis(height), _axis(width), indexing="ij"))
    places = np.tensordot(turn @ shear @ stretch, places, axes=1) + shift + _tent(height) @ bends @ _tent(width).T
    places = (places + 1) / 2 * np.array([height - 1, width - 1])[:, None, None]
    planes = [ndimage.map_coordinates(image_HWC[:, :, c], places, order=1, mode="nearest") for c in range(channels)]
    return np.stack(planes, axis=2)


def _axis(pixels: int) -> Any:
    return np.linspace(-1.0, 1.0, pixels)


def _tent(pixels: int) -> Any:
    """Return the linear interpolation from knots to pixels, [pixels, knots]."""
    places = np.linspace(0.0, _KNOTS - 1.0, pixels)[:, None]
    return (1 - np.abs(places - np.arange(_KNOTS))).clip(0, None)


def _light(image_HWC: _Image, draws: np.random.Generator, spread: Spread) -> _Image:
    mean = image_HWC.mean()
    contrast = np.exp(spread.contrast * draws.standard_normal())
    noise_HWC = spread.noise * draws.standard_normal(image_HWC.shape)
    lit: _Image = (image_HWC - mean) * contrast + mean + spread.brightness * draws.standard_normal() + noise_HWC
    return lit
