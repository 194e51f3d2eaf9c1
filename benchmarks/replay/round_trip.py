"""How long a request is on its way where generating costs nothing: what topics, PNG and the transaction take alone."""

import functools
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from benchmarks.replay.noise_requests import noise_request
from benchmarks.site.broker_site import Site
from replay.generate.generation import Models
from replay.judge.judge import AcceptingJudge
from replay.request_check import RequestCheck
from replay.request_handler import RequestHandler
from replay.settings import ReplaySettings
from replay.subject import Subject
from replay.worker import Faults, Worker, slot_of
from stream.image_codec import Pixels
from stream.kafka.admin import create_topics
from stream.kafka.consumer import TopicTail
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.kafka.work_queue import WorkQueue
from stream.messages.replay import ReplaySamples
from stream.process.clock import now_ms
from stream.process.deadline import Deadline

MODEL = "no-op"
IMAGES = 16
"""What is asked of each cluster where an update rehearses about 100 images of six."""
AT_ONCE = 8
_WARM_UP = 5
_ANSWER_SECONDS = 60.0


class NoOp:
    """Gives the first exemplar for every seed."""

    name = "no_op"

    def generate(self, subject: Subject, seeds: Sequence[int]) -> list[Pixels]:
        """Return it; see `replay.generate.generator.Generator`."""
        return [subject.exemplars[0]] * len(seeds)

    def close(self) -> None:
        """Do nothing: nothing is held."""


class RoundTrips:
    """Sends requests and waits until all their samples are there."""

    def __init__(self, producer: BoundedProducer, samples: TopicTail, topics: Topics) -> None:
        self._producer = producer
        self._samples = samples
        self._topics = topics
        self._sent = 0

    def milliseconds(self, requests: int) -> float:
        """Return how long so many requests, sent at once as a learner does, took in all.

        Raises
        ------
        RuntimeError
            An answer did not come within a minute.
        """
        numbers = range(self._sent, self._sent + requests)
        asked = [noise_request(MODEL, number, IMAGES) for number in numbers]
        self._sent = numbers.stop
        deadline, started = Deadline(_ANSWER_SECONDS), time.perf_counter()
        for request in asked:
            self._producer.send(self._topics.replay_requests, request.id.encode(), request.to_bytes())
        self._producer.flush(_ANSWER_SECONDS)
        missing = {request.id for request in asked}
        while missing:
            records = self._samples.next_records(_ANSWER_SECONDS / 10)
            missing -= {ReplaySamples.from_bytes(record.value or b"").request for record in records}
            if deadline.expired:
                message = f"{missing} were not answered within {_ANSWER_SECONDS:g} s"
                raise RuntimeError(message)
        return (time.perf_counter() - started) * 1000


def coordination_figures(site: Site, repeats: int) -> dict[str, object]:
    """Measure lone requests and several at once, one after the other, with a worker in a thread of this process."""
    topics = Topics(MODEL, site.streaming.topic_prefix)
    create_topics(site.streaming, topics)
    with (
        no_op_worker(site, topics),
        closing(TopicTail(site.streaming, topics.replay_samples)) as samples,
        BoundedProducer(site.streaming) as producer,
    ):
        trips = RoundTrips(producer, samples, topics)
        for _ in range(_WARM_UP):
            trips.milliseconds(AT_ONCE)
        pairs = [(trips.milliseconds(1), trips.milliseconds(AT_ONCE) / AT_ONCE) for _ in range(repeats)]
    lone, shared = (sorted(figures) for figures in zip(*pairs, strict=True))
    return {
        "coordination_ms": round(statistics.median(lone), 2),
        "coordination": {
            "fastest_ms": round(lone[0], 2),
            "slowest_ms": round(lone[-1], 2),
            f"each_of_{AT_ONCE}_at_once_ms": round(statistics.median(shared), 2),
            "images": IMAGES,
            "repeats": repeats,
        },
    }


@contextmanager
def no_op_worker(site: Site, topics: Topics) -> Iterator[None]:
    """Let the worker's own code serve the topic, with the generator that does nothing."""
    settings, stopping = ReplaySettings(), threading.Event()
    check = RequestCheck(topics.model, site.streaming, settings)
    models = Models(NoOp(), NoOp(), AcceptingJudge, settings.batch_images)
    handler = RequestHandler(topics, check, models, now_ms, Faults())
    slot = slot_of(topics, 0, settings)
    queue = functools.partial(WorkQueue, site.streaming, topics.replay_requests, slot, Faults())
    worker = Worker(topics.model, handler, queue, now_ms, Faults())
    thread = threading.Thread(target=worker.run, args=(stopping,), name="no-op worker")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(_ANSWER_SECONDS)
