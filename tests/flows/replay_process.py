"""A real ``python -m replay.worker``, ended by its pid; and what workers left on their topics."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from deploy.roles import REPLAY
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.replay import ReplayRequest, ReplaySamples
from stream.process.settings import StreamSettings
from tests.flows.role_process import RealProcess


class ReplayProcess(RealProcess):
    """A replay worker of ``topics.model``; leaves nothing behind when the block ends."""

    def __init__(
        self, folder: Path, streaming: StreamSettings, topics: Topics, worker: int = 0, faults: str = ""
    ) -> None:
        flags = ["--model", topics.model, "--worker", str(worker)]
        flags += ["--home", str(folder), "--set", f"stream.bootstrap_servers={streaming.bootstrap_servers}"]
        flags += ["--set", f"stream.topic_prefix={streaming.topic_prefix}", "--set", "replay.batch_images=16"]
        super().__init__(REPLAY, flags, faults)


def send(streaming: StreamSettings, topics: Topics, requests: Iterable[ReplayRequest]) -> None:
    """Write requests to one partition after the other."""
    with BoundedProducer(streaming) as producer:
        for place, request in enumerate(requests):
            partition = place % streaming.frame_partitions
            producer.send(topics.replay_requests, request.id.encode(), request.to_bytes(), partition=partition)


def answers(streaming: StreamSettings, topics: Topics) -> Counter[str]:
    """Return how many images each request was answered with, as a reader of committed records sees it."""
    images: Counter[str] = Counter()
    for record in read_topic(streaming, topics.replay_samples):
        samples = ReplaySamples.from_bytes(record.value or b"")
        images[samples.request] += len(samples.images)
    return images
