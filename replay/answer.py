"""The answer to a request: as many batches as its images take."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from replay.generate.generation import Generated
from stream.messages.event import Event
from stream.messages.replay import ReplayRequest, ReplaySamples
from stream.process.errors import InvalidMessage

_SEED_BYTES = 11  # ten digits and a comma
_QUOTES_BYTES = 3
_PART_BYTES = 32  # part and parts, which are known once all is divided


def batches(request: ReplayRequest, generated: Generated, most_bytes: int) -> list[ReplaySamples]:
    """Divide the images, as PNG files, among batches of at most ``most_bytes`` each, in their order.

    The first one holds the labels of the members. Without images there is one batch.

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
        name=generated.label.name,
        score=generated.label.score if generated.label.name else 0.0,
        generator=generated.generator,
        seeds=(),
        images=(),
        gap=generated.gap,
    )
    first = replace(
        empty,
        member_names=[label.name for label in generated.labels],
        member_scores=[label.score for label in generated.labels],
    )
    runs = _runs(generated.images, most_bytes - len(first.to_bytes()) - _PART_BYTES)
    return [
        replace(
            empty if part else first,
            id=f"{request.id}/samples/{part}",
            part=part,
            parts=len(runs),
            seeds=generated.seeds[run.start : run.stop],
            images=generated.images[run.start : run.stop],
        )
        for part, run in enumerate(runs)
    ]


def refused_event(request: ReplayRequest, generated: Generated, at_ms: int) -> Event | None:
    """Return the filter's counts where it refused more images than it kept; None where it did not."""
    refused = Counter(verdict.reason for verdict in generated.verdicts if verdict.reason)
    if refused.total() <= len(generated.images):
        return None
    evidence: dict[str, int | float | str] = {
        "cluster": request.cluster,
        "name": request.name or generated.label.name,
        "kept": len(generated.images),
    }
    evidence |= {f"refused_{reason}": count for reason, count in sorted(refused.items())}
    evidence["gap"] = generated.gap
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
