"""All roles of one model as a user starts them, with ``r2r up``, and what its tools and its learner tell."""

import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.recovery.killed_roles import KilledRole
from deploy.status.scrape import MetricsPage, read_gauge, read_page
from stream.kafka.consumer import PartitionConsumer, read_topic
from stream.kafka.topics import Topics
from stream.messages.event import Event
from stream.process.deadline import Deadline
from stream.process.ports import free_port
from stream.process.settings import StreamSettings

_COMMAND_LINE = "deploy.cli.command_line"
_LOOK_SECONDS = 0.2
_READY_SECONDS = 300.0


@dataclass
class WholeSystem:
    """A running system; `until` looks at its learner all the while.

    Parameters
    ----------
    learner, server
        Where they answer.
    uncertain_rates
        By micro-task, of those that the looks have met: what Prometheus would have seen.
    """

    home: Path
    topics: Topics
    streaming: StreamSettings
    learner: str
    server: str
    up: KilledRole
    uncertain_rates: dict[int, float] = field(default_factory=dict)

    def tool(self, *words: str) -> dict[str, Any]:
        """Return what ``r2r`` tells with ``--json``."""
        command = [sys.executable, "-m", _COMMAND_LINE, *words, "--json", "--home", str(self.home)]
        answer: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        return answer

    def start_feed(self, *words: str) -> "subprocess.Popen[str]":
        """Start ``r2r feed``."""
        command = [sys.executable, "-m", _COMMAND_LINE, "feed", *words, "--home", str(self.home)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def records(self) -> int:
        """Count the records on the topic of frames."""
        with closing(PartitionConsumer(self.streaming, self.topics.frames)) as log:
            return sum(log.end_offsets().values())

    def events(self) -> list[Event]:
        """Return all decisions so far."""
        return [Event.from_bytes(record.value or b"") for record in read_topic(self.streaming, self.topics.events)]

    def learned(self, metric: str) -> int:
        """Return one of the learner's figures, 0 where it has counted nothing yet."""
        page = read_page(self.learner)
        return 0 if page is None else int(page.total(metric) or 0)

    def answering_version(self) -> int:
        """Return the version that the server answers with, 0 where there is none yet."""
        return int(read_gauge(self.server, "r2r_server_active_version") or 0)

    def until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Look after the system until something is reached, but no longer than so; say whether it was."""
        deadline = Deadline(seconds)
        while not (there := reached()) and not deadline.expired:
            self.up.look()
            page = read_page(self.learner)
            if page is not None:
                self._note(page)
            time.sleep(_LOOK_SECONDS)
        return there

    def _note(self, page: MetricsPage) -> None:
        task, rate = page.total("r2r_learner_task"), page.total("r2r_learner_uncertain_ratio")
        if task and rate is not None and page.total("r2r_learner_updates_total"):
            self.uncertain_rates[int(task)] = rate


@contextmanager
def whole_system(folder: Path, model: str) -> Iterator[WholeSystem]:
    """Start it and wait until it says that it is ready; stop it in order.

    Raises
    ------
    RuntimeError
        It ended by itself, or was not ready in time.
    """
    streaming = StreamSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    server, learner = free_port(), free_port()
    settings = {
        "stream.bootstrap_servers": streaming.bootstrap_servers,
        "deploy.port": server,
        "deploy.first_metrics_port": learner,
    }
    command = [_COMMAND_LINE, "up", "--model", model, "--home", str(folder)]
    command += [flag for key, value in settings.items() for flag in ("--set", f"{key}={value}")]
    with closing(KilledRole("up", lambda: command, deque(), folder)) as up:
        up.start()
        learner_at, server_at = (f"http://127.0.0.1:{port}" for port in (learner, server))
        topics = Topics(model, streaming.topic_prefix)
        system = WholeSystem(folder, topics, streaming, learner_at, server_at, up)
        if not system.until(lambda: "is ready" in up.log_file.read_text(), _READY_SECONDS):
            message = f"`r2r up` was not ready within {_READY_SECONDS:g} s; it said {up.log_file.read_text()!r}"
            raise RuntimeError(message)
        yield system
        up.stop()
