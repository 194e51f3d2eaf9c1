"""From records to prepared images: bad ones are turned away with a reason, resends are dropped.

Axes: N frames, C = 3 channels, S = input size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learner.intake.preparation import Preparation
from learner.intake.preprocess import resize
from learner.intake.resends import ResendWindows
from learner.intake.window import Place
from learner.settings import LearnerSettings
from stream.frame import Frame
from stream.log import Record
from stream.process.errors import InvalidMessage

Decoder = Callable[[bytes], NDArray[np.uint8]]


@dataclass(frozen=True)
class Rejected:
    """A record that is no frame, and why."""

    record: Record
    error: InvalidMessage


@dataclass(frozen=True)
class Admitted:
    """The frames of a micro-task that the model will see, in order, and those that it will not."""

    places: list[Place]
    images_NCSS: Tensor
    rejected: list[Rejected]
    resent: int


def admit(
    records: Sequence[Record], topic: str, resends: ResendWindows, decode: Decoder, settings: LearnerSettings
) -> Admitted:
    """Read, de-duplicate, decode and resize; updates ``resends``."""
    places: list[Place] = []
    preparation = Preparation(settings)
    rejected: list[Rejected] = []
    resent = 0
    for record in records:
        try:
            frame = Frame.from_record(record.value, record.headers, topic, (record.partition, record.offset))
            image = decode(frame.image)
        except InvalidMessage as error:
            rejected.append(Rejected(record, error))
            continue
        if frame.sequence is not None and not resends.admit(frame.source, frame.sequence):
            resent += 1
            continue
        places.append(Place(record.partition, record.offset))
        preparation.add(image)
    return Admitted(places, preparation.images(), rejected, resent)


def prepare(image_HWC: NDArray[np.uint8], settings: LearnerSettings) -> Tensor:
    """Return one image as the network sees it, [3, S, S]."""
    return resize(torch.from_numpy(image_HWC)[None], settings.input_size, settings.aspect)[0]
