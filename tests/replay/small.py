"""A request, its exemplars, and generators whose every move a test decides."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from replay.generate.generation import Models
from replay.generate.generator import Generator
from replay.judge.judge import AcceptingJudge, Judge
from replay.request_check import RequestCheck
from replay.request_handler import RequestHandler
from replay.settings import ReplaySettings
from replay.subject import Subject
from replay.weights import shipped
from stream.image_codec import Pixels, encode_png
from stream.kafka.topics import Topics
from stream.log import Record
from stream.messages.replay import ReplayRequest
from stream.process.faults import Faults
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS

MODEL = "m"
NOW_MS = 1_000_000
EXPIRES_AT_MS = 4_000_000_000_000
"""Later than any test runs."""
LABELLER, GENERATOR = (Path(shipped(setting, "digits")) for setting in ("labeller", "pipeline"))


class SeedGenerator:
    """Makes each image in the colour of its seed, of the size of the first exemplar."""

    name = "seeds"

    def generate(self, subject: Subject, seeds: Sequence[int]) -> list[Pixels]:
        return [self.image(seed, subject.exemplars[0].shape) for seed in seeds]

    def image(self, seed: int, shape: tuple[int, ...]) -> Pixels:
        return np.full(shape, seed % 256, np.uint8)

    def close(self) -> None:
        pass


class BlockingGenerator(SeedGenerator):
    """Waits until ``released`` is set; sets ``asked`` before."""

    name = "blocking"

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.released = threading.Event()

    def generate(self, subject: Subject, seeds: Sequence[int]) -> list[Pixels]:
        self.asked.set()
        assert self.released.wait(PATIENCE_SECONDS)
        return super().generate(subject, seeds)


class FailingGenerator(SeedGenerator):
    """Raises, or returns one image too few."""

    name = "failing"

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def generate(self, subject: Subject, seeds: Sequence[int]) -> list[Pixels]:
        if self._error is not None:
            raise self._error
        return super().generate(subject, seeds[1:])


def exemplar(side: int = 8, seed: int = 0) -> Pixels:
    """Return an image of noise."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def request(number: int = 0, images: int = 3, **changed: object) -> ReplayRequest:
    """Return a good request, but for what is changed."""
    body: dict[str, object] = {
        "id": f"{MODEL}/7/replay-request/{number}",
        "model": MODEL,
        "task_seq": 7,
        "cluster": number,
        "name": "",
        "exemplars": (encode_png(exemplar(seed=number)),),
        "images": images,
        "seed": number,
        "expires_at_ms": EXPIRES_AT_MS,
    }
    return ReplayRequest(**(body | changed))  # type: ignore[arg-type]


def record_of(value: bytes | None, offset: int = 0) -> Record:
    """Return a record as a worker is given it."""
    return Record(partition=1, offset=offset, timestamp_ms=NOW_MS, key=b"id", value=value, headers=())


def handler(
    generator: Generator,
    settings: ReplaySettings | None = None,
    streaming: StreamSettings | None = None,
    clock: Callable[[], int] = lambda: NOW_MS,
    judge_of: Callable[[Subject], Judge] = AcceptingJudge,
) -> RequestHandler:
    """Return a handler of `MODEL` whose clock stands still."""
    streaming = StreamSettings() if streaming is None else streaming
    check = RequestCheck(MODEL, streaming, ReplaySettings() if settings is None else settings)
    models = Models(generator, generator, judge_of, check.settings.batch_images)
    return RequestHandler(Topics(MODEL, streaming.topic_prefix), check, models, clock, Faults())
