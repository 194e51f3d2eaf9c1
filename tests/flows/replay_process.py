"""A real ``python -m replay.worker``, ended by its pid; and what workers left on their topics."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.roles import REPLAY
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.replay import ReplayRequest, ReplaySamples
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS


class ReplayProcess:
    """A replay worker of ``topics.model``; leaves nothing behind when the block ends."""

    def __init__(
        self, folder: Path, streaming: StreamSettings, topics: Topics, worker: int = 0, faults: str = ""
    ) -> None:
        command = [sys.executable, "-m", REPLAY.module, "--model", topics.model, "--worker", str(worker)]
        command += ["--home", str(folder), "--set", f"stream.bootstrap_servers={streaming.bootstrap_servers}"]
        command += ["--set", f"stream.topic_prefix={streaming.topic_prefix}", "--set", "replay.batch_images=16"]
        self.process = subprocess.Popen(
            command, env={**os.environ, "R2R_TEST_FAULTS": faults}, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ended(self) -> tuple[int, str]:
        """Wait until it ends by itself; return its exit code and what it wrote to stderr."""
        _, told = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, told

    def stopped(self) -> tuple[int, str]:
        """Send SIGTERM, and return as `ended`."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()


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
