"""What a replay worker would answer: the exemplars, a little darker."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from learner.step import Effects
from stream.image_codec import encode_png
from stream.memory_log import MemoryLog
from stream.messages.replay import ReplayRequest, ReplaySamples


def painted(request: ReplayRequest, images: int | None = None, part: int = 0, parts: int = 1) -> ReplaySamples:
    """Return one batch of an answer, by default of as many images as were asked for."""
    files = [darker(request.exemplars[n % len(request.exemplars)], n) for n in range(images or request.images)]
    return ReplaySamples(
        id=f"{request.id}/samples/{part}",
        model=request.model,
        task_seq=request.task_seq,
        request=request.id,
        cluster=request.cluster,
        part=part,
        parts=parts,
        name="",
        score=0.0,
        generator="darker",
        seeds=list(range(len(files))),
        images=files,
    )


def darker(file: bytes, steps: int) -> bytes:
    pixels = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    return encode_png((pixels * (1.0 - 0.002 * steps)).astype(np.uint8))


def answer_all(effects: Effects, samples: MemoryLog) -> None:
    """Write the whole answer to each request of a micro-task."""
    for request in effects.requests:
        samples.append(0, request.id.encode(), painted(request).to_bytes())


def labelled(request: ReplayRequest) -> ReplaySamples:
    """Return the whole answer of a worker with a labeller: of every four members one is of another word."""
    words = [f"digit {request.cluster + (place % 4 == 3)}" for place in range(len(request.members))]
    name = f"digit {request.cluster}"
    return replace(painted(request), name=name, score=0.9, member_names=words, member_scores=[0.95] * len(words))


def label_all(effects: Effects, samples: MemoryLog) -> None:
    """Write the whole answer of a worker with a labeller to each request of a micro-task."""
    for request in effects.requests:
        samples.append(0, request.id.encode(), labelled(request).to_bytes())
