"""``python -m stream.feed.service dataset|folder|camera``: images to ``frames``, their labels, if any, to ``truth``.

A stream is known by its source's name. By default that carries the second of the start, so that feeding again is a new
stream; with ``--source-name`` the same frames of a data set or a recording are the same frames, and the learner drops
those it has seen: a feed that was broken off is simply started again. A folder goes on where it was by itself.
"""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from prometheus_client import Counter
from tqdm import tqdm

from stream.feed.flags import feed_flags
from stream.feed.pace import Pace
from stream.feed.source import open_source
from stream.frame import Headers
from stream.kafka.admin import create_shared_topics, describe_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.process.clock import now_ms
from stream.process.role import Role, run_role
from stream.process.settings import StreamSettings
from stream.sources import FrameSource, LabelledFrame

_FRAMES_AT_ONCE = 64
_FED = Counter("r2r_fed_frames_total", "Frames handed to the producer")


class Sender(Protocol):
    """What a feed needs of `stream.kafka.producer.BoundedProducer`."""

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers = (), partition: int | None = None) -> None:
        """Hand over one record; blocks while too much is in flight, raises what an earlier one met."""
        ...

    def flush(self, timeout_seconds: float) -> None:
        """Return once everything sent is acknowledged."""
        ...


class Receipts(Protocol):
    """A source that is told what is delivered and need not be sent again, as `FolderSource`."""

    def delivered(self) -> None:
        """Note that all frames given so far have been acknowledged."""
        ...


@dataclass(frozen=True)
class Feed:
    """One source to ``frames`` and ``truth``.

    Parameters
    ----------
    partitions
        Of ``frames``; the n-th source goes to partition n modulo this, so that few sources still spread evenly. None
        where each source goes where Kafka's partitioner puts its key: sources of many processes spread so.
    now_ms
        Unix milliseconds, written as the time of frames that have none.
    total_frames
        For the progress bar; None where it is not known.
    limit
        Stop after so many frames.
    receipts
        Told after every 64 frames; None where nobody asks.
    """

    source: FrameSource
    sender: Sender
    topics: Topics
    partitions: int | None
    pace: Pace
    now_ms: Callable[[], int]
    total_frames: int | None = None
    limit: int | None = None
    receipts: Receipts | None = None
    delivery_timeout_seconds: float = 30.0

    def run(self, stopping: threading.Event) -> int:
        """Send until the source ends or the role is told to stop; return how many frames were handed over.

        Raises
        ------
        SourceUnavailable, BrokerUnavailable, TopicMissing
            From the source and the sender.
        """
        numbers: dict[str, int] = {}
        sent = 0
        with tqdm(total=self.total_frames, desc="feed", unit="frame", disable=None) as progress:
            while (wanted := self._wanted(sent)) and (frames := self.source.next_frames(wanted)):
                for given in frames:
                    self.pace.wait_until_due(sent)
                    if stopping.is_set():
                        return sent
                    number = numbers.setdefault(given.frame.source, len(numbers))
                    self._send(given, None if self.partitions is None else number % self.partitions)
                    sent += 1
                    progress.update()
                if self.receipts is not None:
                    self.sender.flush(self.delivery_timeout_seconds)
                    self.receipts.delivered()
        return sent

    def _wanted(self, sent: int) -> int:
        return _FRAMES_AT_ONCE if self.limit is None else min(_FRAMES_AT_ONCE, self.limit - sent)

    def _send(self, given: LabelledFrame, partition: int | None) -> None:
        frame = given.frame
        if frame.time_ms is None:
            frame = replace(frame, time_ms=self.now_ms())
        key, value, headers = frame.to_record()
        self.sender.send(self.topics.frames, key, value, headers, partition)
        if given.truth is not None:
            self.sender.send(self.topics.truth, frame.identity.encode(), given.truth.to_bytes())
        _FED.inc()


def main() -> int:
    """Run the role; return its exit code."""
    return run_role("feed", feed_flags(), _run, sys.argv[1:])


def _run(role: Role) -> None:
    settings = role.settings("stream", StreamSettings)
    opened = open_source(role.flags, settings, role.home, role.stopping, now_ms())
    topics = Topics("feed", settings.topic_prefix)  # a feed belongs to no model: both its topics are shared
    with closing(opened.source):
        create_shared_topics(settings, topics)
        partitions = describe_topic(settings, topics.frames).partitions if opened.dealt else None
        with BoundedProducer(settings) as producer:  # leaving the block flushes, also when told to stop
            feed = Feed(
                opened.source,
                producer,
                topics,
                partitions,
                Pace(opened.frames_per_second, time.monotonic, role.stopping.wait),
                now_ms,
                opened.total_frames,
                role.flags.limit,
                opened.folder,
                settings.delivery_timeout_seconds,
            )
            sent = feed.run(role.stopping)
    sys.stdout.write(f"{sent} frames sent to {topics.frames}{opened.account(sent)}\n")


if __name__ == "__main__":
    sys.exit(main())
