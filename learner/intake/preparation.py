"""Decoded images to the network's input, those of one size together: 64 at once cost a sixth of 64 one by one.

Axes: N images, H × W pixels, C = 3 channels, S = input size.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learner.intake.preprocess import resize
from learner.settings import LearnerSettings

_MOST_PENDING_BYTES = 8 * 1024**2


class Preparation:
    """Takes decoded images one after the other and holds at most 8 MiB of them, and one more, before it resizes them.

    An image's result has the same bits alone and among others.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._settings = settings
        self._prepared: list[Tensor] = []
        self._pending: dict[tuple[int, ...], list[int]] = {}
        self._images: dict[int, NDArray[np.uint8]] = {}
        self._pending_bytes = 0

    def add(self, image_HWC: NDArray[np.uint8]) -> None:
        """Take one image."""
        place = len(self._prepared)
        self._prepared.append(torch.empty(0))
        self._pending.setdefault(image_HWC.shape, []).append(place)
        self._images[place] = image_HWC
        self._pending_bytes += image_HWC.nbytes
        if self._pending_bytes > _MOST_PENDING_BYTES:
            self._resize()

    def images(self) -> Tensor:
        """Return all images [N, 3, S, S] in the order in which they came."""
        self._resize()
        size = self._settings.input_size
        return torch.stack(self._prepared) if self._prepared else torch.zeros(0, 3, size, size)

    def _resize(self) -> None:
        for places in self._pending.values():
            images_NHWC = torch.from_numpy(np.stack([self._images[place] for place in places]))
            for place, image in zip(places, self._resized(images_NHWC), strict=True):
                self._prepared[place] = image
        self._pending, self._images, self._pending_bytes = {}, {}, 0

    def _resized(self, images_NHWC: Tensor) -> Tensor:
        return resize(images_NHWC, self._settings.input_size, self._settings.aspect)
