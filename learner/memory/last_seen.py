"""How long ago each cluster was last seen: what was not seen for long is forgotten first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from learner.part import Saved, by_number, by_text
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class LastSeen:
    """Frames of the stream since one fell into a cluster, by the cluster's id."""

    frames_since: Mapping[int, int] = field(default_factory=dict)

    def after(self, clusters: Iterable[int], frames: int) -> Self:
        """Return the counts after a micro-task of so many frames, which fell into ``clusters``.

        Examples
        --------
        >>> LastSeen({1: 7}).after([2, 2], frames=64).frames_since
        {1: 71, 2: 0}
        """
        counted = {cluster: since + frames for cluster, since in self.frames_since.items()}
        return type(self)(counted | dict.fromkeys(clusters, 0))

    def of_live(self, live: Iterable[int]) -> Self:
        """Return the counts of the clusters that there are; one that is new was seen just now."""
        return type(self)({cluster: self.frames_since.get(cluster, 0) for cluster in sorted(live)})

    def save(self) -> Saved:
        """See `Part.save`."""
        return Saved({"frames_since": by_text(self.frames_since)})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  the contract's
        """See `Part.load`."""
        return cls(by_number(saved.values["frames_since"]))
