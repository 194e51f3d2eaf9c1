"""How fast the stream comes and how far behind it a micro-task is, told by its records alone: no clock is asked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from stream.log import Record


@dataclass(frozen=True)
class StreamPace:
    """Of the frames of one plan.

    Parameters
    ----------
    frame_ms
        Between two frames; infinite where fewer than two came.
    lag_ms
        Between the newest of them and the plan; below 0 where their producer's clock is ahead.
    """

    frame_ms: float = math.inf
    lag_ms: float = 0.0

    @classmethod
    def of(cls, frames: Sequence[Record], cut_at_ms: int) -> Self:
        """Return the pace of a plan's frames.

        Examples
        --------
        >>> frames = [Record(0, offset, 1_000 + 40 * offset, None, b"", ()) for offset in range(11)]
        >>> StreamPace.of(frames, cut_at_ms=1_500)
        StreamPace(frame_ms=40.0, lag_ms=100)
        """
        if len(frames) < 2:  # noqa: PLR2004  a distance has two ends
            return cls()
        times_ms = [frame.timestamp_ms for frame in frames]
        return cls((max(times_ms) - min(times_ms)) / (len(frames) - 1), cut_at_ms - max(times_ms))

    def until_ms(self, frames: int) -> float:
        """Return how long after the plan so many newer frames will have come; not above 0 where they wait already."""
        return frames * self.frame_ms - self.lag_ms if frames > 0 else 0.0
