"""From records to prepared images: bad ones are refused with a reason, resends are dropped.

Axes: N frames, H × W pixels, C = 3 channels, S = input size.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learner.intake.resends import ResendWindows
from learner.intake.window import Place
from learner.model.preprocessing import Preprocessing
from stream.frame import Frame
from stream.image_codec import decode_image
from stream.log import Record
from stream.process.errors import InvalidMessage
from stream.process.settings import StreamSettings

Decoder = Callable[[bytes], NDArray[np.uint8]]
_MOST_PENDING_BYTES = 8 * 1024**2


def decoder(settings: StreamSettings | None = None) -> Decoder:
    """Return the image decoder with the caps of the settings, by default the default ones."""
    caps = settings or StreamSettings()
    return functools.partial(decode_image, max_bytes=caps.max_image_bytes, max_pixels=caps.max_image_pixels)


@dataclass(frozen=True)
class Rejected:
    """A record that is no frame, and why."""

    record: Record
    error: InvalidMessage


@dataclass(frozen=True)
class Admitted:
    """The frames of a micro-task that the model will see, in order, and those that it will not.

    Parameters
    ----------
    resends
        The windows after these frames.
    """

    places: list[Place]
    images_NCSS: Tensor
    rejected: list[Rejected]
    resent: int
    resends: ResendWindows


def admit(
    records: Sequence[Record], topic: str, resends: ResendWindows, decode: Decoder, preprocessing: Preprocessing
) -> Admitted:
    """Read, decode, de-duplicate and prepare. A record is decoded before it can count as come."""
    places: list[Place] = []
    sequences: list[tuple[str, int | None]] = []
    batches = _Batches(preprocessing)
    rejected: list[Rejected] = []
    for record in records:
        try:
            frame = Frame.from_record(record.value, record.headers, topic, (record.partition, record.offset))
            image = decode(frame.image)
        except InvalidMessage as error:
            rejected.append(Rejected(record, error))
            continue
        places.append(Place(record.partition, record.offset))
        sequences.append((frame.source, frame.sequence))
        batches.add(image)
    resends, resent = resends.noted(sequences)
    images_NCSS = batches.images()
    if any(resent):
        places = [place for place, again in zip(places, resent, strict=True) if not again]
        images_NCSS = images_NCSS[~torch.tensor(resent)]
    return Admitted(places, images_NCSS, rejected, sum(resent), resends)


def prepare(image_HWC: NDArray[np.uint8], preprocessing: Preprocessing) -> Tensor:
    """Return one image as the encoder wants it, [3, S, S]."""
    return preprocessing(torch.from_numpy(image_HWC)[None])[0]


class _Batches:
    """Prepares images of one size together: 64 at once cost a sixth of 64 one by one, and give the same bits.

    Holds at most 8 MiB of decoded images, and one more.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
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
            self._prepare()

    def images(self) -> Tensor:
        """Return all images [N, 3, S, S] in the order in which they came."""
        self._prepare()
        return torch.stack(self._prepared) if self._prepared else self._preprocessing.empty()

    def _prepare(self) -> None:
        for places in self._pending.values():
            images_NHWC = torch.from_numpy(np.stack([self._images[place] for place in places]))
            for place, image in zip(places, self._preprocessing(images_NHWC), strict=True):
                self._prepared[place] = image
        self._pending, self._images, self._pending_bytes = {}, {}, 0
