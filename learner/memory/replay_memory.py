"""What was asked of the replay workers, and the images of theirs that wait for an update.

Bounded: an answer beyond what was asked for is refused, the oldest requests and images leave first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from learner.intake.window import Place
from stream.messages.control import id_within
from stream.messages.replay import ReplayRequest

MOST_REQUESTS = 256
"""As many are asked at once, and as many are remembered."""
_MOST_BYTES = 32 * 1024**2


@dataclass(frozen=True)
class Asked:
    """A request that may still be answered.

    Parameters
    ----------
    id
        The request's within its model: what is remembered says nothing of the model's name.
    cluster, images, expires_at_ms
        The request's.
    update
        The number of the update it was asked for; what comes after it serves the next one.
    batches
        Ids of the batches that came, within the model as well.
    arrived
        Images that came.
    members
        Where the frames stand that are to be labelled with it.
    """

    id: str
    cluster: int
    images: int
    expires_at_ms: int
    update: int
    batches: tuple[str, ...] = ()
    arrived: int = 0
    members: tuple[Place, ...] = ()


@dataclass(frozen=True)
class GeneratedImage:
    """One image [3, S, S], uint8, that waits for an update."""

    cluster: int
    update: int
    expires_at_ms: int
    image_CSS: Tensor


@dataclass(frozen=True)
class ReplayCounts:
    """What became of replay since the last update, in images; ``refused`` counts batches.

    ``requested`` for the next update, also before the last one; ``requested_ahead`` for the one after it.
    """

    requested: int = 0
    requested_ahead: int = 0
    in_time: int = 0
    late: int = 0
    dropped: int = 0
    refused: int = 0
    used: int = 0
    used_in_time: int = 0


@dataclass
class ReplayMemory:
    """Requests by id, images in the order in which they came, and by cluster the newest gap that a worker measured."""

    asked: dict[str, Asked] = field(default_factory=dict)
    painted: list[GeneratedImage] = field(default_factory=list)
    counts: ReplayCounts = field(default_factory=ReplayCounts)
    gaps: dict[int, float] = field(default_factory=dict)

    def note_requests(
        self,
        requests: Iterable[ReplayRequest],
        update: int,
        updates: int,
        members: Mapping[int, Sequence[Place]] | None = None,
    ) -> None:
        """Expect answers to requests for update number ``update``; ``updates`` are behind the learner.

        ``members`` says for each cluster where those frames stand that its request shows.
        """
        counted = "requested" if update == updates + 1 else "requested_ahead"
        for request in requests:
            own = id_within(request.model, request.id)
            self.asked[own] = Asked(
                own,
                request.cluster,
                request.images,
                request.expires_at_ms,
                update,
                members=tuple((members or {}).get(request.cluster, ())),
            )
            self._count(**{counted: request.images})
        for oldest in list(self.asked)[:-MOST_REQUESTS]:
            del self.asked[oldest]

    def take_in(self, request: str, batch: str, images_NCSS: Tensor, updates: int) -> None:
        """Keep a batch's uint8 images, no more than are still wanted; ``updates`` are behind the learner."""
        asked = self.asked[request]
        batches = (*asked.batches, batch)
        self.asked[request] = replace(asked, batches=batches, arrived=asked.arrived + len(images_NCSS))
        self.painted += [
            GeneratedImage(asked.cluster, asked.update, asked.expires_at_ms, image) for image in images_NCSS
        ]
        came_in_time = asked.update > updates
        self._count(**{"in_time" if came_in_time else "late": len(images_NCSS)})
        if len(images_NCSS):
            self._keep(self.painted[-max(1, _MOST_BYTES // images_NCSS[0].numel()) :])

    @property
    def is_owed(self) -> bool:
        """Whether there is a request that nothing has answered yet."""
        return any(not asked.batches for asked in self.asked.values())

    def note_gap(self, cluster: int, gap: float) -> None:
        """Remember how far images of a cluster are from real ones, in deviations."""
        self.gaps[cluster] = gap

    def note_refused(self, batches: int) -> None:
        """Count batches that were no use."""
        self._count(refused=batches)

    def expire(self, now_ms: int, live: Iterable[int]) -> None:
        """Forget requests and images whose time is over, or whose cluster is no more."""
        alive = set(live)
        self.gaps = {cluster: gap for cluster, gap in self.gaps.items() if cluster in alive}
        self.asked = {id_: asked for id_, asked in self.asked.items() if _lasts(asked, now_ms, alive)}
        self._keep([painted for painted in self.painted if _lasts(painted, now_ms, alive)])

    def expected(self, update: int, updates: int) -> Counter[int]:
        """Count the images of each cluster that update number ``update`` will find, those included that may still come.

        What waits for an earlier update is there for the next one; beyond that one nothing is left of it.
        """
        earliest = 0 if update == updates + 1 else update
        images = Counter(painted.cluster for painted in self.painted if earliest <= painted.update <= update)
        for asked in self.asked.values():
            if asked.update == update:
                images[asked.cluster] += asked.images - asked.arrived
        return images

    def take_out(self, most_of_a_cluster: int, update: int) -> list[GeneratedImage]:
        """Hand over at most so many of each cluster to update number ``update``, those asked for it first.

        What is for a later one stays.
        """
        left: dict[int, int] = {}
        taken: list[GeneratedImage] = []
        ready = [painted for painted in self.painted if painted.update <= update]
        for painted in sorted(ready, key=lambda painted: -painted.update):
            if left.setdefault(painted.cluster, most_of_a_cluster) > 0:
                left[painted.cluster] -= 1
                taken.append(painted)
        gone = {id(painted) for painted in taken}
        self.painted = [painted for painted in self.painted if id(painted) not in gone]
        self._count(used=len(taken), used_in_time=sum(painted.update == update for painted in taken))
        return taken

    def count_anew(self) -> None:
        """Begin counting for the next update."""
        self.counts = ReplayCounts(requested=self.counts.requested_ahead)

    def _keep(self, painted: Sequence[GeneratedImage]) -> None:
        self._count(dropped=len(self.painted) - len(painted))
        self.painted = list(painted)

    def _count(self, **more: int) -> None:
        self.counts = replace(self.counts, **{name: getattr(self.counts, name) + n for name, n in more.items()})


def _lasts(what: Asked | GeneratedImage, now_ms: int, alive: set[int]) -> bool:
    return what.expires_at_ms >= now_ms and what.cluster in alive
