"""The answer to a request: as many batches as its images take."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from replay.studio import Painted
from stream.messages.control import Event
from stream.messages.replay import ReplayRequest, ReplaySamples
from stream.process.errors import InvalidMessage

_SEED_BYTES = 11  # ten digits and a comma
_QUOTES_BYTES = 3
_PART_BYTES = 32  # part and parts, which are known once all is divided


def batches(request: ReplayRequest, painted: Painted, most_bytes: int) -> list[ReplaySamples]:
    """Divide the images, as PNG files, among batches of at most ``most_bytes`` each, in their order.

    The first one tells what the labeller says of the members. Without images there is one batch.

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
        name=painted.label.name,
        score=painted.label.score if painted.label.name else 0.0,
        generator=painted.generator,
        seeds=(),
        images=(),
        gap=painted.gap,
    )
    first = replace(
        empty,
        member_names=[label.name for label in painted.labels],
        member_scores=[label.score for label in painted.labels],
    )
    runs = _runs(painted.images, most_bytes - len(first.to_bytes()) - _PART_BYTES)
    return [
        replace(
            empty if part else first,
            id=f"{request.id}/samples/{part}",
            part=part,
            parts=len(runs),
            seeds=painted.seeds[run.start : run.stop],
            images=painted.images[run.start : run.stop],
        )
        for part, run in enumerate(runs)
    ]


def refused_event(request: ReplayRequest, painted: Painted, at_ms: int) -> Event | None:
    """Return what the filter decided, where it refused more images than it kept; None where it did not."""
    refused = Counter(verdict.reason for verdict in painted.verdicts if verdict.reason)
    if refused.total() <= len(painted.images):
        return None
    evidence: dict[str, int | float | str] = {
        "cluster": request.cluster,
        "name": request.name or painted.label.name,
        "kept": len(painted.images),
    }
    evidence |= {f"refused_{reason}": count for reason, count in sorted(refused.items())}
    evidence["gap"] = painted.gap
    return Event(f"{request.id}/refused", request.model, request.task_seq, "images_refused", at_ms, evidence)


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
