"""The window: the newest frames, bounded, named by where they stand in the log; the last of them not yet trained on.

Those that were trained on stay while an update may look at them again, and no longer: a restart reads them once more.

Axes: N frames, C = 3 channels, S = input size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
from torch import Tensor

from learner.part import Saved
from learner.settings import LearnerSettings
from stream.messages.task_plan import OffsetRange


class Place(NamedTuple):
    """Where a frame stands in the log."""

    partition: int
    offset: int


@dataclass(frozen=True)
class TrainingWindow:
    """At most ``capacity`` frames, oldest first, the newest ``untrained`` of them not yet trained on.

    Parameters
    ----------
    frames
        Places and prepared images [3, S, S]. A window that was loaded has empty images until it is `filled`.
    """

    capacity: int
    frames: tuple[tuple[Place, Tensor], ...] = ()
    untrained: int = 0

    def __len__(self) -> int:
        """Count the frames not yet trained on."""
        return self.untrained

    def added(self, places: Sequence[Place], images_NCSS: Tensor) -> Self:
        """Return the window with new frames; the oldest leave when it is full."""
        frames = (*self.frames, *zip(places, images_NCSS, strict=True))[-self.capacity :]
        return replace(self, frames=frames, untrained=min(self.untrained + len(places), len(frames)))

    def all_trained(self) -> Self:
        """Return the window after an update; its frames stay as recent ones."""
        return replace(self, untrained=0)

    def without_trained(self) -> Self:
        """Return the frames not yet trained on alone."""
        return replace(self, frames=self._untrained_frames())

    def images(self) -> Tensor:
        """Return the frames not yet trained on as float images [N, 3, S, S] in the order they came."""
        return self.recent_images()[len(self.frames) - self.untrained :]

    def places(self) -> list[Place]:
        """Return where the frames not yet trained on stand, in the order they came."""
        return [place for place, _ in self._untrained_frames()]

    def trained(self) -> dict[Place, Tensor]:
        """Return the frames that were trained on and are still there, as float images [3, S, S]."""
        return dict(self.frames[: len(self.frames) - self.untrained])

    def recent_images(self) -> Tensor:
        """Return all frames, trained on or not, as float images [N, 3, S, S] in the order they came."""
        return torch.stack([image for _, image in self.frames]) if self.frames else torch.zeros(0, 3, 0, 0)

    def all_places(self) -> list[Place]:
        """Return where all frames stand, trained on or not, in the order they came."""
        return [place for place, _ in self.frames]

    def filled(self, images: Mapping[Place, Tensor], capacity: int) -> Self:
        """Return a window of so many frames that has these images at its places."""
        frames = tuple((place, images[place]) for place in self.all_places())[-capacity:]
        return replace(self, capacity=capacity, frames=frames, untrained=min(self.untrained, len(frames)))

    def save(self) -> Saved:
        """See `Part.save`: the places as runs ``[partition, start, stop]``. Images stay in the log."""
        return Saved({"runs": _runs(self.all_places()), "untrained": self.untrained})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """See `Part.load`; the images are to be read from the log: see `filled`."""
        runs = saved.values["runs"]
        places = [Place(partition, offset) for partition, start, stop in runs for offset in range(start, stop)]
        frames = tuple((place, torch.empty(0)) for place in places)
        return cls(settings.window_frames, frames, saved.values["untrained"])

    def _untrained_frames(self) -> tuple[tuple[Place, Tensor], ...]:
        return self.frames[len(self.frames) - self.untrained :]


def _runs(places: Sequence[Place]) -> list[list[int]]:
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][0] == place.partition and runs[-1][2] == place.offset:
            runs[-1][2] += 1
        else:
            runs.append([place.partition, place.offset, place.offset + 1])
    return runs


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
