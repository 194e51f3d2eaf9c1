"""The replay worker's process: ``python -m replay.worker --model NAME [--worker N]``."""

import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Event as Flag

from replay import metrics
from replay.equipment import open_tools
from replay.faults import Faults
from replay.painter import Painter, Work
from replay.request_check import RequestCheck
from replay.settings import ReplaySettings
from replay.words.errors import EndpointUnavailable
from stream.kafka.admin import create_topics, wait_for_broker
from stream.kafka.topics import Topics
from stream.kafka.work_queue import Slot, WorkQueue
from stream.log import Record
from stream.process.clock import now_ms
from stream.process.errors import BrokerUnavailable, WorkLost
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings

_POLL_SECONDS = 0.2
_MOST_FAILURES = 3  # without an answer in between
_TOGETHER_SECONDS = 0.05  # of work, after which a transaction is written
_TOGETHER_BYTES = 2**20
_log = logging.getLogger("replay")


@dataclass(frozen=True)
class _Done:
    """A request whose answer is not written yet."""

    record: Record
    work: Work
    seconds: float


@dataclass
class Worker:
    """A worker's parts; `run` keeps a queue open, `serve` is its loop."""

    model: str
    painter: Painter
    open_queue: Callable[[], WorkQueue]
    clock: Callable[[], int]
    faults: Faults
    failures: int = 0

    def run(self, stopping: Flag) -> None:
        """Serve until ``stopping`` is set, on a new queue where an answer could not be written.

        Raises
        ------
        BrokerUnavailable, WorkLost
            It failed three times in a row, or Kafka is away for longer than a role waits for it.
        WorkerFenced, UnknownFormat, LogUnreadable
            Going on is of no use.
        """
        while not stopping.is_set():
            with closing(self.open_queue()) as queue:
                try:
                    self.serve(queue, stopping)
                except (BrokerUnavailable, WorkLost) as error:
                    self.failures += 1
                    if self.failures == _MOST_FAILURES:
                        raise
                    _log.warning("starting anew, the request in hand comes again: %s", error)
                    metrics.observe_reopened(self.model)

    def serve(self, queue: WorkQueue, stopping: Flag) -> None:
        """Take requests, paint, write the answers and the position at once, until ``stopping`` is set."""
        while not stopping.is_set():
            hand = self._worked(queue, stopping)
            if hand is None:
                return  # the requests are given again
            if hand:
                queue.answer(*[done.work.answers for done in hand])
                self.faults.reached("committed")
                self.failures = 0
                for done in hand:
                    self._tell(done)

    def _worked(self, queue: WorkQueue, stopping: Flag) -> list[_Done] | None:
        """Return what is done and shares a transaction; None where ``stopping`` was set before it was.

        That is one request where painting takes its time. What is painted at once is limited by what a transaction
        costs, so requests that are there already join it, as long as little time and room are taken.
        """
        hand: list[_Done] = []
        while records := queue.next_records(0.0 if hand else _POLL_SECONDS, most=1):
            for record in records:
                started = time.perf_counter()
                work = self.painter.work(record, stopping)
                if work is None:
                    return None
                hand.append(_Done(record, work, time.perf_counter() - started))
                self.faults.reached("generated")
            if sum(done.seconds for done in hand) > _TOGETHER_SECONDS:
                break
            if sum(done.work.answers.size_bytes for done in hand) > _TOGETHER_BYTES:
                break
        return hand

    def _tell(self, done: _Done) -> None:
        record, work = done.record, done.work
        metrics.observe(self.model, work, done.seconds, (self.clock() - record.timestamp_ms) / 1000)
        at = f"{record.partition}/{record.offset}"
        _log.info("request at %s %s: %d images in %.2f s", at, work.outcome, work.images, done.seconds)


def slot_of(topics: Topics, number: int, settings: ReplaySettings) -> Slot:
    """Return the place of worker ``number`` of a model."""
    return Slot(
        group=f"{topics.prefix}.{topics.model}.replay",
        member=f"worker-{number}",
        transactional_id=f"replay/{topics.prefix}/{topics.model}/{number}",
        session_seconds=settings.session_seconds,
        work_seconds=2 * settings.request_seconds + settings.session_seconds,
    )


def body(role: Role) -> None:
    """Wire a worker from its settings and run it."""
    streaming = role.settings("stream", StreamSettings)
    settings = role.settings("replay", ReplaySettings)
    topics = Topics(role.flags.model, streaming.topic_prefix)
    slot = slot_of(topics, role.flags.worker, settings)
    faults = Faults.parse(os.environ.get("R2R_TEST_FAULTS", ""))
    wait_for_broker(streaming)
    create_topics(streaming, topics)
    folder = role.home.root / "vocabulary"
    try:
        tools = open_tools(settings, topics.model, folder, role.stopping.wait)
    except EndpointUnavailable:
        if role.stopping.is_set():
            return  # it was not waited for
        raise
    with closing(tools):
        painter = Painter(topics, RequestCheck(topics.model, streaming, settings), tools, now_ms, faults)
        queue = functools.partial(WorkQueue, streaming, topics.replay_requests, slot, faults)
        Worker(topics.model, painter, queue, now_ms, faults).run(role.stopping)


def main(argv: Sequence[str]) -> int:
    """Run the role; return its exit code."""
    flags = parser("replay", __doc__ or "")
    flags.add_argument("--model", required=True, help="the model's name")
    flags.add_argument("--worker", type=int, choices=range(1000), default=0, metavar="N", help="its slot, 0 to 999")
    return run_role(f"replay-{flags.parse_args(argv).worker}", flags, body, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
