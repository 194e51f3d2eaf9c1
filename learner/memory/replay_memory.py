"""What was asked of the replay workers, and the images of theirs that wait for an update.

Bounded: an answer beyond what was asked for is refused, the oldest requests and images leave first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

from learner.intake.window import Place
from learner.part import Saved, by_number, by_text
from learner.settings import LearnerSettings
from stream.messages.ids import id_within
from stream.messages.replay import ReplayRequest

M = TypeVar("M", bound="ReplayMemory")
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

    def plus(self, **more: int) -> "ReplayCounts":
        """Return the counts with these added."""
        return replace(self, **{name: getattr(self, name) + count for name, count in more.items()})


@dataclass(frozen=True)
class ReplayMemory:
    """Requests by id, images in the order in which they came, and by cluster the newest gap that a worker measured."""

    asked: Mapping[str, Asked] = field(default_factory=dict)
    generated: tuple[GeneratedImage, ...] = ()
    counts: ReplayCounts = field(default_factory=ReplayCounts)
    gaps: Mapping[int, float] = field(default_factory=dict)

    def with_requests(
        self,
        requests: Iterable[ReplayRequest],
        update: int,
        updates: int,
        members: Mapping[int, Sequence[Place]] | None = None,
    ) -> Self:
        """Expect answers to requests for update number ``update``; ``updates`` are behind the learner.

        ``members`` says for each cluster where the frames stand that its request shows.
        """
        asked, images = dict(self.asked), 0
        for request in requests:
            own = id_within(request.model, request.id)
            places = tuple((members or {}).get(request.cluster, ()))
            limits = request.images, request.expires_at_ms, update
            asked[own] = Asked(own, request.cluster, *limits, members=places)
            images += request.images
        counted = "requested" if update == updates + 1 else "requested_ahead"
        newest = dict(list(asked.items())[-MOST_REQUESTS:])
        return replace(self, asked=newest, counts=self.counts.plus(**{counted: images}))

    def with_batch(self, request: str, batch: str, images_NCSS: Tensor, updates: int) -> Self:
        """Keep a batch's uint8 images, no more than are still wanted; ``updates`` are behind the learner."""
        asked = self.asked[request]
        arrived = replace(asked, batches=(*asked.batches, batch), arrived=asked.arrived + len(images_NCSS))
        new = (GeneratedImage(asked.cluster, asked.update, asked.expires_at_ms, image) for image in images_NCSS)
        fate = "in_time" if asked.update > updates else "late"
        memory = replace(
            self,
            asked={**self.asked, request: arrived},
            generated=(*self.generated, *new),
            counts=self.counts.plus(**{fate: len(images_NCSS)}),
        )
        if not len(images_NCSS):
            return memory
        return _keeping(memory, memory.generated[-max(1, _MOST_BYTES // images_NCSS[0].numel()) :])

    @property
    def is_owed(self) -> bool:
        """Whether there is a request that nothing has answered yet."""
        return any(not asked.batches for asked in self.asked.values())

    def with_gap(self, cluster: int, gap: float) -> Self:
        """Remember how far images of a cluster are from real ones, in deviations."""
        return replace(self, gaps={**self.gaps, cluster: gap})

    def with_refused(self, batches: int) -> Self:
        """Count batches without use."""
        return replace(self, counts=self.counts.plus(refused=batches))

    def expired(self, now_ms: int, live: Iterable[int]) -> Self:
        """Forget requests and images whose time is over, or whose cluster is no more."""
        alive = set(live)
        gaps = {cluster: gap for cluster, gap in self.gaps.items() if cluster in alive}
        asked = {id_: asked for id_, asked in self.asked.items() if _lasts(asked, now_ms, alive)}
        lasting = tuple(image for image in self.generated if _lasts(image, now_ms, alive))
        return _keeping(replace(self, gaps=gaps, asked=asked), lasting)

    def expected(self, update: int, updates: int) -> Counter[int]:
        """Count the images of each cluster that update number ``update`` will find, those included that may still come.

        What waits for an earlier update is there for the next one; beyond that one nothing is left of it.
        """
        earliest = 0 if update == updates + 1 else update
        images = Counter(image.cluster for image in self.generated if earliest <= image.update <= update)
        for asked in self.asked.values():
            if asked.update == update:
                images[asked.cluster] += asked.images - asked.arrived
        return images

    def taken(self, most_of_a_cluster: int, update: int) -> tuple[Self, list[GeneratedImage]]:
        """Hand over at most so many of each cluster to update number ``update``, those asked for it first.

        Returns
        -------
        The memory without them, in which images for later updates stay, and the images.
        """
        left: dict[int, int] = {}
        taken: list[GeneratedImage] = []
        ready = [image for image in self.generated if image.update <= update]
        for image in sorted(ready, key=lambda image: -image.update):
            if left.setdefault(image.cluster, most_of_a_cluster) > 0:
                left[image.cluster] -= 1
                taken.append(image)
        gone = {id(image) for image in taken}
        rest = tuple(image for image in self.generated if id(image) not in gone)
        counts = self.counts.plus(used=len(taken), used_in_time=sum(image.update == update for image in taken))
        return replace(self, generated=rest, counts=counts), taken

    def counting_anew(self) -> Self:
        """Begin to count for the next update."""
        return replace(self, counts=ReplayCounts(requested=self.counts.requested_ahead))

    def save(self) -> Saved:
        """See `Part.save`: requests, counts, and for each image ``[cluster, update, expires_at_ms]``, in order."""
        values = {
            "asked": [asdict(asked) for asked in self.asked.values()],
            "generated": [[image.cluster, image.update, image.expires_at_ms] for image in self.generated],
            "counts": asdict(self.counts),
            "gaps": by_text(self.gaps),
        }
        images = [image.image_CSS for image in self.generated]
        return Saved(values, {"images_NCSS": torch.stack(images)} if images else {})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  the contract's
        """See `Part.load`."""
        values = saved.values
        asked = [_asked(one) for one in values["asked"]]
        images_NCSS = saved.tensors.get("images_NCSS", torch.zeros(0))
        generated = tuple(
            GeneratedImage(cluster, update, expires_at_ms, image)
            for (cluster, update, expires_at_ms), image in zip(values["generated"], images_NCSS, strict=True)
        )
        counts = ReplayCounts(**_known(ReplayCounts, values["counts"]))
        return cls({one.id: one for one in asked}, generated, counts, by_number(values["gaps"]))


def _keeping(memory: M, generated: tuple[GeneratedImage, ...]) -> M:
    """Return the memory with these images alone; the others are counted as dropped."""
    dropped = len(memory.generated) - len(generated)
    return replace(memory, generated=generated, counts=memory.counts.plus(dropped=dropped))


def _lasts(what: Asked | GeneratedImage, now_ms: int, alive: set[int]) -> bool:
    return what.expires_at_ms >= now_ms and what.cluster in alive


def _asked(values: Mapping[str, Any]) -> Asked:
    rest = {
        "batches": tuple(values["batches"]),
        "members": tuple(Place(*member) for member in values["members"]),
    }
    return Asked(**{**_known(Asked, values), **rest})


def _known(kind: type[Asked] | type[ReplayCounts], values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a later minor version has added."""
    return {field.name: values[field.name] for field in fields(kind) if field.name in values}
