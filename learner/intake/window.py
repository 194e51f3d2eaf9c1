"""The window: the newest frames, bounded, named by where they stand in the log; the last of them not yet trained on.

Those that were trained on stay while an update may look at them again, and no longer: a restart reads them once more.

Axes: N frames, C = 3 channels, S = input size.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from stream.messages.control import OffsetRange


class Place(NamedTuple):
    """Where a frame stands in the log."""

    partition: int
    offset: int


class TrainingWindow:
    """At most ``capacity`` prepared images with their places, oldest first."""

    def __init__(self, capacity: int) -> None:
        self._frames: deque[tuple[Place, Tensor]] = deque(maxlen=capacity)
        self._untrained = 0

    def __len__(self) -> int:
        """Count the frames not yet trained on."""
        return self._untrained

    def add(self, places: Sequence[Place], images_NCSS: Tensor) -> None:
        """Take in new frames; the oldest leave when the window is full."""
        self._frames.extend(zip(places, images_NCSS, strict=True))
        self._untrained = min(self._untrained + len(places), len(self._frames))

    def mark_trained(self, untrained: int = 0) -> None:
        """Note that an update has taken all frames, or all but the newest ``untrained``; they stay as recent ones."""
        self._untrained = untrained

    def forget_trained(self) -> None:
        """Let go of the frames that were trained on."""
        while len(self._frames) > self._untrained:
            self._frames.popleft()

    def images(self) -> Tensor:
        """Return the frames not yet trained on as float images [N, 3, S, S] in the order they came."""
        return self.recent_images()[len(self._frames) - self._untrained :]

    def places(self) -> list[Place]:
        """Return where the frames not yet trained on stand, in the order they came."""
        return [place for place, _ in self._frames][len(self._frames) - self._untrained :]

    def trained(self) -> dict[Place, Tensor]:
        """Return the frames that were trained on and are still there, as float images [3, S, S]."""
        return dict(list(self._frames)[: len(self._frames) - self._untrained])

    def recent_images(self) -> Tensor:
        """Return all frames, trained on or not, as float images [N, 3, S, S] in the order they came."""
        return torch.stack([image for _, image in self._frames]) if self._frames else torch.zeros(0, 3, 0, 0)

    def runs(self) -> list[list[int]]:
        """Return the places as runs ``[partition, start, stop]``, in order: what a checkpoint stores."""
        runs: list[list[int]] = []
        for place, _ in self._frames:
            if runs and runs[-1][0] == place.partition and runs[-1][2] == place.offset:
                runs[-1][2] += 1
            else:
                runs.append([place.partition, place.offset, place.offset + 1])
        return runs


def places_of(runs: Sequence[Sequence[int]]) -> list[Place]:
    """Return every place named by the runs, in order."""
    return [Place(partition, offset) for partition, start, stop in runs for offset in range(start, stop)]


def covering_ranges(places: Sequence[Place]) -> Mapping[int, OffsetRange]:
    """Return for each partition the smallest range that holds all its places.

    Examples
    --------
    >>> covering_ranges([Place(0, 4), Place(1, 9), Place(0, 7)])
    {0: OffsetRange(start=4, stop=8), 1: OffsetRange(start=9, stop=10)}
    """
    ranges: dict[int, OffsetRange] = {}
    for partition, offset in places:
        known = ranges.get(partition, OffsetRange(offset, offset + 1))
        ranges[partition] = OffsetRange(min(known.start, offset), max(known.stop, offset + 1))
    return ranges
