"""The replay memory to and from what a checkpoint holds: plain values, and its images as one tensor."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import torch
from torch import Tensor

from learner.intake.window import Place
from learner.memory.replay_memory import Asked, GeneratedImage, ReplayCounts, ReplayMemory

_REQUEST, _BATCH = 3, 5  # parts of an id within the model; until version 1.1 the model's name stood before them


def replay_to_state(memory: ReplayMemory) -> dict[str, Any]:
    """Return requests, counts, and for each image ``[cluster, update, expires_at_ms]``, in order."""
    return {
        "asked": [asdict(asked) for asked in memory.asked.values()],
        "painted": [[painted.cluster, painted.update, painted.expires_at_ms] for painted in memory.painted],
        "counts": asdict(memory.counts),
        "gaps": {str(cluster): gap for cluster, gap in sorted(memory.gaps.items())},
    }


def replay_to_tensors(memory: ReplayMemory) -> dict[str, Tensor]:
    """Return ``images_NCSS``, uint8; nothing where no image waits."""
    if not memory.painted:
        return {}
    return {"images_NCSS": torch.stack([painted.image_CSS for painted in memory.painted])}


def replay_from_state(state: dict[str, Any] | None, tensors: Mapping[str, Tensor]) -> ReplayMemory:
    """Return the memory that was described; an empty one where there was none yet."""
    if state is None:
        return ReplayMemory()
    asked = [_asked(one) for one in state["asked"]]
    images = tensors.get("images_NCSS", torch.zeros(0))
    painted = [
        GeneratedImage(cluster, update, expires_at_ms, image)
        for (cluster, update, expires_at_ms), image in zip(state["painted"], images, strict=True)
    ]
    counts = ReplayCounts(**_known(ReplayCounts, state["counts"]))
    gaps = {int(cluster): gap for cluster, gap in state.get("gaps", {}).items()}
    return ReplayMemory({one.id: one for one in asked}, painted, counts, gaps)


def _asked(values: dict[str, Any]) -> Asked:
    rest = {
        "id": _last(values["id"], _REQUEST),
        "batches": tuple(_last(batch, _BATCH) for batch in values["batches"]),
        "members": tuple(Place(*member) for member in values.get("members", ())),
    }
    return Asked(**{**_known(Asked, values), **rest})


def _known(kind: type[Asked] | type[ReplayCounts], values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a later minor version has added."""
    return {field.name: values[field.name] for field in fields(kind) if field.name in values}


def _last(text: str, parts: int) -> str:
    return "/".join(text.split("/")[-parts:])
