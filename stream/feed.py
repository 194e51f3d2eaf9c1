"""``python -m stream.feed dataset --name digits``: images to ``frames``, their labels, if any, to ``truth``.

A stream is known by its source's name. By default that carries the second of the start, so that feeding again is a new
stream; with ``--source-name`` the same frames are the same frames, and the learner drops those it has seen: a feed that
was broken off is simply started again.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from prometheus_client import Counter
from tqdm import tqdm

from stream.broker_admin import create_shared_topics, describe_topic
from stream.frame import Headers
from stream.pace import Pace
from stream.producer import BoundedProducer
from stream.role import Role, parser, run_role
from stream.settings import StreamSettings
from stream.sources import FrameSource, LabelledFrame
from stream.sources.dataset import DatasetSource
from stream.sources.orders import class_incremental, shuffled
from stream.sources.packs import PACK_NAMES, load_pack
from stream.topics import Topics

_FRAMES_AT_ONCE = 64
_FED = Counter("r2r_fed_frames_total", "Frames handed to the producer")


class Sender(Protocol):
    """What a feed needs of `stream.producer.BoundedProducer`."""

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers = (), partition: int | None = None) -> None:
        """Hand over one record; blocks while too much is in flight, raises what an earlier one met."""
        ...


@dataclass(frozen=True)
class Feed:
    """One source to ``frames`` and ``truth``.

    Parameters
    ----------
    partitions
        Of ``frames``; the n-th source goes to partition n modulo this, so that few sources still spread evenly.
    now_ms
        Unix milliseconds, written as the frames' time.
    total_frames
        For the progress bar; None where it is not known.
    """

    source: FrameSource
    sender: Sender
    topics: Topics
    partitions: int
    pace: Pace
    now_ms: Callable[[], int]
    total_frames: int | None = None

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
            while frames := self.source.next_frames(_FRAMES_AT_ONCE):
                for given in frames:
                    self.pace.wait_until_due(sent)
                    if stopping.is_set():
                        return sent
                    number = numbers.setdefault(given.frame.source, len(numbers))
                    self._send(given, number % self.partitions)
                    sent += 1
                    progress.update()
        return sent

    def _send(self, given: LabelledFrame, partition: int) -> None:
        frame = replace(given.frame, time_ms=self.now_ms())
        key, value, headers = frame.to_record()
        self.sender.send(self.topics.frames, key, value, headers, partition)
        if given.truth is not None:
            self.sender.send(self.topics.truth, frame.identity.encode(), given.truth.to_bytes())
        _FED.inc()


def main() -> int:
    """Run the role; return its exit code."""
    return run_role("feed", _flags(), _run, sys.argv[1:])


def _run(role: Role) -> None:
    settings = role.settings("stream", StreamSettings)
    source, total_frames = _open_dataset(role.flags)
    topics = Topics("feed", settings.topic_prefix)  # a feed belongs to no model: both its topics are shared
    create_shared_topics(settings, topics)
    partitions = describe_topic(settings, topics.frames).partitions
    with closing(source), BoundedProducer(settings) as producer:
        pace = Pace(role.flags.rate, time.monotonic, role.stopping.wait)
        feed = Feed(source, producer, topics, partitions, pace, _now_ms, total_frames)
        sent = feed.run(role.stopping)  # leaving the block flushes, also when told to stop
    sys.stdout.write(f"{sent} frames sent to {topics.frames}\n")


def _open_dataset(flags: argparse.Namespace) -> tuple[DatasetSource, int]:
    pack = load_pack(flags.name, flags.data)
    if flags.order == "class_incremental":
        order = class_incremental(pack.stream_labels, flags.classes_per_task, flags.seed)
    else:
        order = shuffled(pack.stream_labels, flags.seed)
    order = order[: flags.limit]
    name = flags.source_name or f"{flags.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return DatasetSource(pack, order, flags.sources, name), len(order)


def _flags() -> argparse.ArgumentParser:
    flags = parser("feed", "Send images to Kafka as unlabelled frames, and their labels to the evaluator's topic.")
    flags.add_argument("kind", choices=("dataset",), help="what kind of source")
    flags.add_argument("--name", choices=PACK_NAMES, default="digits", help="which data set (default: digits)")
    flags.add_argument("--data", type=Path, default=None, help="its .npz file, or the folder that holds <name>.npz")
    flags.add_argument("--order", choices=("class_incremental", "shuffled"), default="class_incremental")
    flags.add_argument("--classes-per-task", type=_count, default=2, help="for class_incremental (default: 2)")
    flags.add_argument("--rate", type=_rate, default=0.0, help="frames a second; 0, the default, for no limit")
    flags.add_argument("--sources", type=_count, default=3, help="how many sources the frames are dealt over")
    flags.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    flags.add_argument("--source-name", default=None, help="the stream's name (default: the data set's and the second)")
    flags.add_argument("--limit", type=_count, default=None, help="stop after so many frames")
    return flags


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        message = f"{text} is less than 1"
        raise argparse.ArgumentTypeError(message)
    return number


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 <= rate < float("inf"):
        message = f"{text} is not a number of frames a second"
        raise argparse.ArgumentTypeError(message)
    return rate


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
