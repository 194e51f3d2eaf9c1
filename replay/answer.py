"""The answer to a request: as many batches as its images take."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stream.errors import InvalidMessage
from stream.replay_messages import ReplayRequest, ReplaySamples

_SEED_BYTES = 11  # ten digits and a comma
_QUOTES_BYTES = 3
_PART_BYTES = 32  # part and parts, which are known once all is divided


def image_seeds(seed: int, count: int) -> list[int]:
    """Return a seed of 32 bits for each image; the first ones do not depend on ``count``.

    Examples
    --------
    >>> image_seeds(7, 3) == image_seeds(7, 9)[:3]
    True
    """
    return [int(word) for word in np.random.SeedSequence(seed).generate_state(count)]


def batches(
    request: ReplayRequest, generator: str, seeds: Sequence[int], images: Sequence[bytes], most_bytes: int
) -> list[ReplaySamples]:
    """Divide the images among batches of at most ``most_bytes`` each, in their order.

    Parameters
    ----------
    generator
        Its name.
    seeds, images
        One seed for each PNG file.

    Raises
    ------
    InvalidMessage
        One image alone is larger (``too_large``).
    """
    empty = ReplaySamples(
        id=f"{request.id}/samples/0",
        model=request.model,
        task_seq=request.task_seq,
        request=request.id,
        cluster=request.cluster,
        part=0,
        parts=1,
        name="",
        score=0.0,
        generator=generator,
        seeds=(),
        images=(),
    )
    runs = _runs(images, most_bytes - len(empty.to_bytes()) - _PART_BYTES)
    return [
        replace(
            empty,
            id=f"{request.id}/samples/{part}",
            part=part,
            parts=len(runs),
            seeds=list(seeds[run.start : run.stop]),
            images=list(images[run.start : run.stop]),
        )
        for part, run in enumerate(runs)
    ]


def _runs(images: Sequence[bytes], room_bytes: int) -> list[range]:
    """Return the places of the images of each batch."""
    runs: list[range] = []
    start, used = 0, 0
    for place, image in enumerate(images):
        size = -(-len(image) // 3) * 4 + _QUOTES_BYTES + _SEED_BYTES  # base64
        if size > room_bytes:
            message = f"an image takes {size} bytes of a message that has room for {room_bytes}; ask for smaller ones"
            raise InvalidMessage(message, reason="too_large")
        if used + size > room_bytes:
            runs.append(range(start, place))
            start, used = place, 0
        used += size
    return [*runs, range(start, len(images))]
