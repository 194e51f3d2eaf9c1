"""A learner, replay workers and a feed as real processes: digits at a camera's rate, until enough updates came."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from benchmarks.recovery.killed_roles import KilledRole
from benchmarks.site.broker_site import Site
from deploy.roles import FEED, LEARNER, REPLAY
from deploy.status.scrape import read_gauge
from stream.kafka.consumer import PartitionConsumer, TopicTail
from stream.messages.event import Event, Evidence
from stream.process.deadline import Deadline
from stream.process.ports import free_port

WORKERS = 2
FRAMES_A_SECOND = 12.5
_LOOK_SECONDS = 0.2
_TELL_SECONDS = 10.0
_MOST_SECONDS = 1800.0


@dataclass(frozen=True)
class Wanted:
    """Passes of so many frames, until so many updates have asked for samples."""

    frames_a_pass: int
    asking_updates: int


@dataclass
class Run:
    """What is seen of one run.

    Parameters
    ----------
    updates
        The evidence of each update, in order.
    seconds
        From the first feed's start until the learner has taken in the last frame.
    stall_seconds
        In which frames waited for samples and requests, as the learner itself counts.
    longest_lag_frames
        How many frames the learner was behind at most.
    """

    updates: list[Evidence] = field(default_factory=list)
    frames: int = 0
    passes: int = 0
    seconds: float = 0.0
    stall_seconds: float = 0.0
    longest_lag_frames: int = 0

    @property
    def asking(self) -> list[Evidence]:
        """The updates for which samples were asked."""
        return [one for one in self.updates if one["samples_requested"]]


class ReplayedStream:
    """The processes, and what they tell."""

    def __init__(self, site: Site, wanted: Wanted, events: TopicTail) -> None:
        self.run = Run()
        self._site = site
        self._wanted = wanted
        self._events = events
        self._port = free_port()
        learner = site.model_command(LEARNER.module, "--metrics-port", str(self._port))
        workers = [site.model_command(REPLAY.module, "--worker", str(number)) for number in range(WORKERS)]
        self._roles = [self._role("learner", learner), *(self._role(f"replay-{n}", w) for n, w in enumerate(workers))]
        self._feed = KilledRole("feed", self._feed_command, deque(), site.home, self._begin_pass)

    def start(self) -> None:
        """Start all but the feed; return when the learner answers."""
        for role in self._roles:
            role.start()
        self._until(lambda: self._learner("r2r_learner_task") is not None)

    def feed(self) -> None:
        """Feed pass after pass; return once the learner has taken in all."""
        started = time.monotonic()
        self._begin_pass()
        self._feed.start()
        self._until(lambda: self._feed.done)
        with closing(PartitionConsumer(self._site.streaming, self._site.topics.frames)) as log:
            self.run.frames = sum(log.end_offsets().values())
        self._until(lambda: self._learner("r2r_learner_frames_total") == self.run.frames)
        self.run.seconds = time.monotonic() - started
        self.run.stall_seconds = self._learner("r2r_learner_replay_stall_seconds") or 0.0

    def close(self) -> None:
        """End what is left; idempotent."""
        for role in (self._feed, *self._roles):
            role.close()

    def _role(self, name: str, command: list[str]) -> KilledRole:
        return KilledRole(name, lambda: command, deque(), self._site.home)

    def _feed_command(self) -> list[str]:
        number = self.run.passes
        flags = {"name": "digits", "rate": FRAMES_A_SECOND, "limit": self._wanted.frames_a_pass, "seed": number}
        flags |= {"source-name": f"digits-{number}"}
        return self._site.command(FEED.module, "dataset", *(f"--{name}={value}" for name, value in flags.items()))

    def _begin_pass(self) -> bool:
        more = len(self.run.asking) < self._wanted.asking_updates
        self.run.passes += more
        return more

    def _learner(self, metric: str) -> float | None:
        return read_gauge(f"http://127.0.0.1:{self._port}", metric)

    def _follow(self) -> None:
        for record in self._events.next_records(_LOOK_SECONDS):
            event = Event.from_bytes(record.value or b"")
            if event.kind == "update":
                self.run.updates.append(event.evidence)
                counts = {name: event.evidence[f"samples_{name}"] for name in ("requested", "in_time", "used_in_time")}
                sys.stderr.write(f"replay: update {len(self.run.updates)} ({event.evidence['cause']}): {counts}\n")

    def _until(self, reached: Callable[[], bool]) -> None:
        """Look after the roles and take in what they tell until something is reached."""
        deadline, tell_at = Deadline(_MOST_SECONDS), time.monotonic() + _TELL_SECONDS
        while not reached():
            for role in (*self._roles, self._feed):
                role.look()
            self._follow()
            lag_frames = int(self._learner("r2r_learner_lag_records") or 0)
            self.run.longest_lag_frames = max(self.run.longest_lag_frames, lag_frames)
            if time.monotonic() >= tell_at:
                told = f"{len(self.run.updates)} updates, {len(self.run.asking)} of them asked for samples"
                sys.stderr.write(f"replay: pass {self.run.passes}, {told}, {lag_frames} frames wait\n")
                tell_at += _TELL_SECONDS
            if deadline.expired:
                message = f"the run was not over after {_MOST_SECONDS:g} s; see the logs in {self._site.home}"
                raise RuntimeError(message)


@contextmanager
def replayed_stream(site: Site, wanted: Wanted) -> Iterator[ReplayedStream]:
    """Open the stream on a site; nothing is started yet, and nothing is left behind."""
    with ExitStack() as opened:
        events = opened.enter_context(closing(TopicTail(site.streaming, site.topics.events)))
        yield opened.enter_context(closing(ReplayedStream(site, wanted, events)))
