"""``r2r demo``: the whole method on this machine in minutes, beside the same run without recall and replay.

Two learners see one stream of scikit-learn's digits on a real Kafka. Beside one of them a replay worker names clusters
and paints them with the small teachers that come with the package. Both are published and served; the served models are
asked about digits that nobody has seen.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.cli.client import Client
from deploy.cli.console import page_console
from deploy.demo.exam import Exam, version_at
from deploy.demo.table import Outcome, show
from deploy.errors import DemoRunning, StoppedEarly
from deploy.host.supervisor import RoleCommand, Supervisor
from deploy.registry.versions import Registry
from deploy.roles import EVALUATOR, FEED, LEARNER, PUBLISHER, REPLAY, SERVER
from deploy.status.scrape import read_gauge
from stream.broker.embedded import EmbeddedBroker
from stream.kafka.consumer import read_topic
from stream.kafka.topics import Topics
from stream.messages.control import TaskPlan
from stream.process.deadline import Deadline
from stream.process.home import Home, is_alive, read_run_file
from stream.process.ports import free_port
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings
from stream.sources.datasets.orders import class_incremental, tasks_of
from stream.sources.datasets.packs import load_pack

_RATE_FRAMES_PER_SECOND = 8  # faster, and on two cores words come after the updates that would hear them
_LAST_WORDS_SECONDS = 45.0
_CLASSES_PER_TASK = 2
_LOOK_SECONDS = 0.5
_DEADLINE_SECONDS = 900.0
_TEACHERS = [
    flag
    for setting in ("labeller=digits", "words_file=digits", "generator=text_to_image", "pipeline=digits")
    for flag in ("--set", f"replay.{setting}")
]


@dataclass(frozen=True)
class Contestant:
    """One of the two learners.

    Parameters
    ----------
    worker
        The flags of its replay worker; None for no worker.
    """

    model: str
    title: str
    settings: Sequence[str]
    metrics: str
    worker: Sequence[str] | None = None

    @property
    def metrics_port(self) -> str:
        """The port of its ``/metrics``."""
        return self.metrics.rsplit(":", 1)[1]


@dataclass
class Demo:
    """One run of the demo; `run` is its script."""

    role: Role
    home: Home
    console: Console
    supervisor: Supervisor
    streaming: StreamSettings
    seed: int

    def run(self, contestants: Sequence[Contestant]) -> None:
        """Start the roles, feed, wait until all is learned and served, ask, show."""
        exam = self._exam()
        frames = len(exam.order)
        server = f"http://127.0.0.1:{free_port()}"
        with self._progress() as progress:
            self._start_roles(contestants, server)
            started = time.monotonic()
            seconds = self._watch(contestants, frames, started, progress)
            outcomes = [
                self._examine(exam, contestant, server, seconds[contestant.model], progress)
                for contestant in contestants
            ]
        show(outcomes, self.console)

    def _exam(self) -> Exam:
        pack = load_pack("digits", None)
        order = class_incremental(pack.stream_labels, _CLASSES_PER_TASK, self.seed)
        tasks = np.asarray(tasks_of(pack.stream_labels, _CLASSES_PER_TASK))
        return Exam(pack, order, tasks[order].tolist(), tasks_of(pack.test_labels, _CLASSES_PER_TASK))

    def _start_roles(self, contestants: Sequence[Contestant], server: str) -> None:
        common = ["--set", f"stream.bootstrap_servers={self.streaming.bootstrap_servers}"]
        models = [flag for contestant in contestants for flag in ("--model", contestant.model)]
        rate = str(_RATE_FRAMES_PER_SECOND)
        feed = ["dataset", "--name", "digits", "--seed", str(self.seed), "--rate", rate, "--source-name", "digits"]
        self.supervisor.start(RoleCommand(FEED.name, FEED.module, [*feed, *common], ends=True))
        for who in contestants:
            own = ["--model", who.model, *common]
            learning = [*own, *who.settings, "--set", f"learner.seed={self.seed}", "--metrics-port", who.metrics_port]
            self.supervisor.start(RoleCommand(f"{LEARNER.name}-{who.model}", LEARNER.module, learning, who.metrics))
            if who.worker is not None:
                self.supervisor.start(RoleCommand(f"{REPLAY.name}-{who.model}", REPLAY.module, [*own, *who.worker]))
        serving = [*models, *common, "--port", server.rsplit(":", 1)[1]]
        self.supervisor.start(RoleCommand(SERVER.name, SERVER.module, serving, server))
        for who in contestants:
            self.supervisor.start(
                RoleCommand(f"{PUBLISHER.name}-{who.model}", PUBLISHER.module, ["--model", who.model, *common])
            )
        self.supervisor.start(RoleCommand(EVALUATOR.name, EVALUATOR.module, [*models, *common]))

    def _watch(
        self, contestants: Sequence[Contestant], frames: int, started: float, progress: Progress
    ) -> dict[str, float]:
        """Wait until both learners have seen the stream, learned what is pending and are served; return the times."""
        registry = Registry(str(self.home.registry))
        bars = {who.model: progress.add_task(f"learn {who.title}", total=frames) for who in contestants}
        done: dict[str, float] = {}
        while len(done) < len(contestants):
            self._look()
            if time.monotonic() - started > _DEADLINE_SECONDS:
                message = f"the demo has not ended within {_DEADLINE_SECONDS:g} s; see the logs in {self.home.logs}"
                raise StoppedEarly(message)
            for who in contestants:
                learned = int(read_gauge(who.metrics, "r2r_learner_frames_total") or 0)
                progress.update(bars[who.model], completed=learned)
                if learned >= frames and who.model not in done and self._is_served(who, registry):
                    done[who.model] = time.monotonic() - started
        self._wait_for_last_words(contestants, registry)
        return done

    def _wait_for_last_words(self, contestants: Sequence[Contestant], registry: Registry) -> None:
        """Wait until the workers have named what was born last and that is served, but no longer than some time."""
        deadline = Deadline(_LAST_WORDS_SECONDS)
        waiting = [who for who in contestants if who.worker is not None]
        while waiting and not deadline.expired:
            self._look()
            waiting = [who for who in waiting if not (self._is_named(who) and self._is_served(who, registry))]

    def _is_named(self, who: Contestant) -> bool:
        return read_gauge(who.metrics, "r2r_learner_samples_owed") == 0

    def _is_served(self, who: Contestant, registry: Registry) -> bool:
        pending = read_gauge(who.metrics, "r2r_learner_update_pending")
        return pending == 0 and registry.latest(who.model) == read_gauge(who.metrics, "r2r_learner_version")

    def _look(self) -> None:
        """Wait a moment; raise if a role has ended with an error or the demo is told to stop."""
        self.supervisor.check()
        _check_stop(self.role, _LOOK_SECONDS)

    def _examine(self, exam: Exam, who: Contestant, server: str, seconds: float, progress: Progress) -> Outcome:
        bar = progress.add_task(f"ask {who.title}", total=exam.questions())

        def tell(asked: int) -> None:
            progress.advance(bar, asked)
            if self.role.stopping.is_set():
                self._look()

        registry = Registry(str(self.home.registry))
        versions = registry.versions(who.model)
        records = read_topic(self.streaming, Topics(who.model, self.streaming.topic_prefix).tasks)
        plans = [TaskPlan.from_bytes(record.value or b"") for record in records]
        at_end = {task: version_at(versions, plans, end) for task, end in enumerate(exam.task_ends)}
        at_end[len(at_end) - 1] = versions[-1]
        with Client(server) as client:
            result = exam.take(client, who.model, at_end, tell)
        clusters = int(read_gauge(who.metrics, "r2r_learner_clusters") or 0)
        return Outcome(who.title, result, clusters, len(versions), seconds)

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        return Progress(*columns, console=self.console)


def _check_stop(role: Role, wait_seconds: float = 0.0) -> None:
    if role.stopping.wait(wait_seconds):
        message = "stopped before the end; nothing is left running"
        raise StoppedEarly(message)


def _check_alone(home: Home) -> None:
    """Raise DemoRunning if a role of an earlier demo still runs in ``home``: its files are not to be deleted."""
    if any(is_alive(int(role["pid"])) for role in read_run_file(home).values()):
        raise DemoRunning(str(home.root))


def _body(role: Role) -> None:
    console = page_console()
    home = Home(role.home.root / "demo")
    _check_alone(home)
    shutil.rmtree(home.root, ignore_errors=True)
    console.print("R2R demo: 800 unlabelled digits, two classes at a time, over three partitions of a real Kafka.")
    port = free_port()
    streaming = StreamSettings(bootstrap_servers=f"127.0.0.1:{port}")
    contestants = [
        Contestant("digits", "whole method", [], f"http://127.0.0.1:{free_port()}", _TEACHERS),
        Contestant(
            "digits-no-recall", "without recall", ["--set", "learner.recall=false"], f"http://127.0.0.1:{free_port()}"
        ),
    ]
    with console.status("starting Kafka (its 46 jars, 43 MB, are fetched first where they are missing)"):
        broker = EmbeddedBroker(home.kafka, port)
        broker.start()
    with broker, Supervisor(home) as supervisor:
        _check_stop(role)
        Demo(role, home, console, supervisor, streaming, role.flags.seed).run(contestants)
    console.print(f"Logs and state: {home.root}")


def main(argv: Sequence[str]) -> int:
    """Run the demo; return its exit code."""
    flags = parser("demo", "Stream, learn, publish, serve and ask on this machine.")
    flags.add_argument("--seed", type=int, default=0, help="of the stream's order and the learner (default: 0)")
    return run_role("demo", flags, _body, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
