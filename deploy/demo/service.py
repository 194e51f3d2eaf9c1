"""``r2r demo``: the whole method on this machine in minutes, beside the same run without recall and replay.

Two learners see one stream of scikit-learn's digits on a real Kafka. Beside one of them a replay worker names clusters
and generates images with the small teachers that come with the package. Both are published and served; the served
models are asked about digits that nobody has seen.
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
from deploy.demo.evaluation import Evaluation, version_at
from deploy.demo.table import Outcome, show
from deploy.host.supervisor import RoleCommand, Supervisor
from deploy.registry.versions import Registry
from deploy.roles import EVALUATOR, FEED, LEARNER, PUBLISHER, REPLAY, SERVER
from deploy.status.scrape import read_gauge
from stream.broker.embedded import EmbeddedBroker
from stream.kafka.consumer import read_topic
from stream.kafka.topics import Topics
from stream.messages.task_plan import TaskPlan
from stream.process.deadline import Deadline
from stream.process.errors import R2RError
from stream.process.home import Home, is_alive, read_run_file
from stream.process.ports import free_port
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings
from stream.sources.datasets.orders import class_incremental, tasks_of
from stream.sources.datasets.packs import load_pack

_RATE_FRAMES_PER_SECOND = 8  # faster, and on two cores words come after the updates that would use them
_LAST_NAMES_SECONDS = 45.0
_CLASSES_PER_TASK = 2
_CHECK_SECONDS = 0.5
_DEADLINE_SECONDS = 900.0
_TEACHERS = [
    flag
    for setting in ("labeller=digits", "words_file=digits", "generator=text_to_image", "pipeline=digits")
    for flag in ("--set", f"replay.{setting}")
]


class DemoRunning(R2RError):
    """Another demo runs in the same home."""

    def __init__(self, home: str) -> None:
        super().__init__(f"another demo is running in {home}; wait for it or choose another --home")


class StoppedEarly(R2RError):
    """A run was stopped before it had its result."""


@dataclass(frozen=True)
class Variant:
    """One of the two learners."""

    model: str
    title: str
    settings: Sequence[str]
    metrics: str
    worker: Sequence[str] | None = None
    """The flags of its replay worker; None for no worker."""

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

    def run(self, variants: Sequence[Variant]) -> None:
        """Start the roles, feed, wait until all is learned and served, ask, show."""
        evaluation = self._evaluation()
        frames = len(evaluation.order)
        server = f"http://127.0.0.1:{free_port()}"
        with self._progress() as progress:
            self._start_roles(variants, server)
            started = time.monotonic()
            seconds = self._watch(variants, frames, started, progress)
            outcomes = [
                self._evaluate(evaluation, variant, server, seconds[variant.model], progress) for variant in variants
            ]
        show(outcomes, self.console)

    def _evaluation(self) -> Evaluation:
        pack = load_pack("digits", None)
        order = class_incremental(pack.stream_labels, _CLASSES_PER_TASK, self.seed)
        tasks = np.asarray(tasks_of(pack.stream_labels, _CLASSES_PER_TASK))
        return Evaluation(pack, order, tasks[order].tolist(), tasks_of(pack.test_labels, _CLASSES_PER_TASK))

    def _start_roles(self, variants: Sequence[Variant], server: str) -> None:
        common = ["--set", f"stream.bootstrap_servers={self.streaming.bootstrap_servers}"]
        models = [flag for variant in variants for flag in ("--model", variant.model)]
        rate = str(_RATE_FRAMES_PER_SECOND)
        feed = ["dataset", "--name", "digits", "--seed", str(self.seed), "--rate", rate, "--source-name", "digits"]
        self.supervisor.start(RoleCommand(FEED.name, FEED.module, [*feed, *common], ends=True))
        for who in variants:
            own = ["--model", who.model, *common]
            learning = [*own, *who.settings, "--set", f"learner.seed={self.seed}", "--metrics-port", who.metrics_port]
            self.supervisor.start(RoleCommand(f"{LEARNER.name}-{who.model}", LEARNER.module, learning, who.metrics))
            if who.worker is not None:
                self.supervisor.start(RoleCommand(f"{REPLAY.name}-{who.model}", REPLAY.module, [*own, *who.worker]))
        serving = [*models, *common, "--port", server.rsplit(":", 1)[1]]
        self.supervisor.start(RoleCommand(SERVER.name, SERVER.module, serving, server))
        for who in variants:
            self.supervisor.start(
                RoleCommand(f"{PUBLISHER.name}-{who.model}", PUBLISHER.module, ["--model", who.model, *common])
            )
        self.supervisor.start(RoleCommand(EVALUATOR.name, EVALUATOR.module, [*models, *common]))

    def _watch(self, variants: Sequence[Variant], frames: int, started: float, progress: Progress) -> dict[str, float]:
        """Wait until both learners have seen the stream, learned what is pending and are served; return the times."""
        registry = Registry(str(self.home.registry))
        bars = {who.model: progress.add_task(f"learn {who.title}", total=frames) for who in variants}
        done: dict[str, float] = {}
        while len(done) < len(variants):
            self._wait()
            if time.monotonic() - started > _DEADLINE_SECONDS:
                message = f"the demo has not ended within {_DEADLINE_SECONDS:g} s; see the logs in {self.home.logs}"
                raise StoppedEarly(message)
            for who in variants:
                learned = int(read_gauge(who.metrics, "r2r_learner_frames_total") or 0)
                progress.update(bars[who.model], completed=learned)
                if learned >= frames and who.model not in done and self._is_served(who, registry):
                    done[who.model] = time.monotonic() - started
        self._wait_for_last_names(variants, registry)
        return done

    def _wait_for_last_names(self, variants: Sequence[Variant], registry: Registry) -> None:
        """Wait until the newest clusters are named by the workers and served so, but no longer than some time."""
        deadline = Deadline(_LAST_NAMES_SECONDS)
        waiting = [who for who in variants if who.worker is not None]
        while waiting and not deadline.expired:
            self._wait()
            waiting = [who for who in waiting if not (self._is_named(who) and self._is_served(who, registry))]

    def _is_named(self, who: Variant) -> bool:
        return read_gauge(who.metrics, "r2r_learner_samples_owed") == 0

    def _is_served(self, who: Variant, registry: Registry) -> bool:
        pending = read_gauge(who.metrics, "r2r_learner_update_pending")
        return pending == 0 and registry.latest(who.model) == read_gauge(who.metrics, "r2r_learner_version")

    def _wait(self) -> None:
        """Wait a moment; raise if a role has ended with an error or the demo is to stop."""
        self.supervisor.check()
        _check_stop(self.role, _CHECK_SECONDS)

    def _evaluate(
        self, evaluation: Evaluation, who: Variant, server: str, seconds: float, progress: Progress
    ) -> Outcome:
        bar = progress.add_task(f"ask {who.title}", total=evaluation.image_count())

        def count(asked: int) -> None:
            progress.advance(bar, asked)
            if self.role.stopping.is_set():
                self._wait()

        registry = Registry(str(self.home.registry))
        versions = registry.versions(who.model)
        records = read_topic(self.streaming, Topics(who.model, self.streaming.topic_prefix).tasks)
        plans = [TaskPlan.from_bytes(record.value or b"") for record in records]
        at_end = {task: version_at(versions, plans, end) for task, end in enumerate(evaluation.task_ends)}
        at_end[len(at_end) - 1] = versions[-1]
        with Client(server) as client:
            result = evaluation.run(client, who.model, at_end, count)
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
    variants = [
        Variant("digits", "whole method", [], f"http://127.0.0.1:{free_port()}", _TEACHERS),
        Variant(
            "digits-no-recall", "without recall", ["--set", "learner.recall=false"], f"http://127.0.0.1:{free_port()}"
        ),
    ]
    with console.status("starting Kafka (its 46 jars, 43 MB, are fetched first where they are missing)"):
        broker = EmbeddedBroker(home.kafka, port)
        broker.start()
    with broker, Supervisor(home) as supervisor:
        _check_stop(role)
        Demo(role, home, console, supervisor, streaming, role.flags.seed).run(variants)
    console.print(f"Logs and state: {home.root}")


def main(argv: Sequence[str]) -> int:
    """Run the demo; return its exit code."""
    flags = parser("demo", "Stream, learn, publish, serve and ask on this machine.")
    flags.add_argument("--seed", type=int, default=0, help="of the stream's order and the learner (default: 0)")
    return run_role("demo", flags, _body, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
