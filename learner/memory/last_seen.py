"""How long ago each cluster was last seen: what was not seen for long is forgotten first."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class LastSeen:
    """Frames of the stream since one fell into a cluster, by the cluster's id."""

    frames_since: dict[int, int] = field(default_factory=dict)

    def note(self, clusters: Iterable[int], frames: int) -> None:
        """Count a micro-task of so many frames, which fell into ``clusters``.

        Examples
        --------
        >>> seen = LastSeen({1: 7})
        >>> seen.note([2, 2], frames=64)
        >>> seen.frames_since
        {1: 71, 2: 0}
        """
        self.frames_since = {cluster: since + frames for cluster, since in self.frames_since.items()}
        self.frames_since |= dict.fromkeys(clusters, 0)

    def keep(self, live: Iterable[int]) -> None:
        """Forget clusters that are no more; one that is new was seen just now."""
        self.frames_since = {cluster: self.frames_since.get(cluster, 0) for cluster in sorted(live)}
