"""Replay requests whose exemplars are noise, the largest that images of their size can be as PNG."""

import numpy as np

from stream.image_codec import encode_png
from stream.messages.replay import MOST_EXEMPLARS, ReplayRequest
from stream.process.clock import now_ms

SEED = 0
SIDE = 32
_TIME_TO_LIVE_MS = 600_000


def noise_request(model: str, number: int, images: int) -> ReplayRequest:
    """Ask for so many images of cluster ``number``."""
    draws = np.random.default_rng((SEED, number))
    pixels = [draws.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for _ in range(MOST_EXEMPLARS)]
    return ReplayRequest(
        id=f"{model}/1/replay-request/{number}",
        model=model,
        task_seq=1,
        cluster=number,
        name="",
        exemplars=[encode_png(one) for one in pixels],
        images=images,
        seed=number,
        expires_at_ms=now_ms() + _TIME_TO_LIVE_MS,
    )
