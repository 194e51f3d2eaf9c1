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
from replay.errors import EndpointUnavailable
from replay.models import load_models
from replay.request_check import RequestCheck
from replay.request_handler import Handled, RequestHandler
from replay.settings import ReplaySettings
from stream.kafka.admin import create_topics, wait_for_broker
from stream.kafka.topics import Topics
from stream.kafka.work_queue import Slot, WorkQueue
from stream.log import Record
from stream.process import faults
from stream.process.clock import now_ms
from stream.process.errors import BrokerUnavailable, WorkLost
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings

_POLL_SECONDS = 0.2
_MOST_FAILURES = 3  # without an answer in between
_TOGETHER_SECONDS = 0.05  # of work, after which a transaction is written
_TOGETHER_BYTES = 2**20
_log = logging.getLogger("replay")


class Faults(faults.Faults):
    """The points at which a test can kill a worker; see `stream.process.faults`."""

    points = ("mid_generation", "generated", "mid_transaction", "committed")


@dataclass(frozen=True)
class _Unwritten:
    """A request whose answer is not written yet."""

    record: Record
    handled: Handled
    seconds: float


@dataclass
class Worker:
    """A worker's parts; `run` keeps a queue open, `serve` is its loop."""

    model: str
    handler: RequestHandler
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
                    _log.warning("opening the queue again, its unanswered requests come again: %s", error)
                    metrics.observe_reopened(self.model)

    def serve(self, queue: WorkQueue, stopping: Flag) -> None:
        """Take requests, generate, write the answers and the position in one transaction, until ``stopping`` is set."""
        while not stopping.is_set():
            batch = self._handled(queue, stopping)
            if batch is None:
                return  # the requests come again
            if batch:
                queue.answer(*[one.handled.answers for one in batch])
                self.faults.reached("committed")
                self.failures = 0
                for one in batch:
                    self._report(one)

    def _handled(self, queue: WorkQueue, stopping: Flag) -> list[_Unwritten] | None:
        """Return the requests that share a transaction; None where ``stopping`` was set before they were done.

        A slow generation has a transaction of its own. Fast ones are limited by the cost of a transaction, so waiting
        requests join it, as long as they take little time and room.
        """
        batch: list[_Unwritten] = []
        while records := queue.next_records(0.0 if batch else _POLL_SECONDS, most=1):
            for record in records:
                started = time.perf_counter()
                handled = self.handler.handle(record, stopping)
                if handled is None:
                    return None
                batch.append(_Unwritten(record, handled, time.perf_counter() - started))
                self.faults.reached("generated")
            if sum(one.seconds for one in batch) > _TOGETHER_SECONDS:
                break
            if sum(one.handled.answers.size_bytes for one in batch) > _TOGETHER_BYTES:
                break
        return batch

    def _report(self, one: _Unwritten) -> None:
        record, handled = one.record, one.handled
        metrics.observe(self.model, handled, one.seconds, (self.clock() - record.timestamp_ms) / 1000)
        at = f"{record.partition}/{record.offset}"
        _log.info("request at %s %s: %d images in %.2f s", at, handled.outcome, handled.images, one.seconds)


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
        models = load_models(settings, topics.model, folder, role.stopping.is_set)
    except EndpointUnavailable:
        if role.stopping.is_set():
            return  # stopped while it waited for the endpoint
        raise
    with closing(models):
        check = RequestCheck(topics.model, streaming, settings)
        handler = RequestHandler(topics, check, models, now_ms, faults)
        queue = functools.partial(WorkQueue, streaming, topics.replay_requests, slot, faults)
        Worker(topics.model, handler, queue, now_ms, faults).run(role.stopping)


def main(argv: Sequence[str]) -> int:
    """Run the role; return its exit code."""
    flags = parser("replay", __doc__ or "")
    flags.add_argument("--model", required=True, help="the model's name")
    flags.add_argument("--worker", type=int, choices=range(1000), default=0, metavar="N", help="its slot, 0 to 999")
    return run_role(f"replay-{flags.parse_args(argv).worker}", flags, body, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
