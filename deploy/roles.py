"""The table of all roles: what each is, how it is run, where it answers, how it scales.

The command line, `r2r up`, the demo, the doctor, the tools and the table in ``docs/architecture.md`` read it.
"""

from dataclasses import dataclass
from typing import Literal

from stream.process.ports import THIS_MACHINE

PortSetting = Literal["", "stream.bootstrap_servers", "deploy.port", "deploy.first_metrics_port"]
_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  a server that listens on all of them is asked on this machine


@dataclass(frozen=True)
class RoleEntry:
    """One role. Its flags are those of ``r2r COMMAND --help``."""

    name: str
    """Of its process: in ``run.json`` and `r2r status`, and of its log, but for the broker's, ``broker.log``.

    A worker's has its number behind it.
    """
    command: str
    """What comes after ``r2r``."""
    module: str
    """What ``python -m`` runs."""
    summary: str
    scales: str
    """How more of them share the work."""
    port: PortSetting = "deploy.first_metrics_port"
    """The setting that says where it answers; ``deploy.first_metrics_port`` and those after it, in the table's order,
    are for ``/metrics`` alone. Empty where only ``--metrics-port`` says so."""
    started: Literal["0", "1", "deploy.replay_workers"] = "1"
    """How many of it `r2r up` starts: a number, or the setting that says so."""
    spare: bool = False
    """Whether the system goes on where one of them ends."""


BROKER = RoleEntry(
    "kafka",
    "broker",
    "stream.broker.embedded",
    "A real Kafka from Python packages, on this machine.",
    "one for each machine; a Kafka cluster takes its place",
    port="stream.bootstrap_servers",
)
FEED = RoleEntry(
    "feed",
    "feed",
    "stream.feed.service",
    "Images to Kafka: feed dataset --name digits --rate 25.",
    "one for each source",
    port="",
    started="0",
)
SERVER = RoleEntry(
    "server",
    "serve",
    "deploy.serving.server",
    "Answer queries with the newest version, over HTTP.",
    "stateless replicas",
    port="deploy.port",
)
LEARNER = RoleEntry(
    "learner",
    "learn",
    "learner.service",
    "Learn from the stream: learn --model NAME.",
    "one for each model",
)
PUBLISHER = RoleEntry(
    "publisher",
    "publish",
    "deploy.publish.publisher",
    "Turn checkpoints into served versions: publish --model NAME.",
    "one for each model",
)
EVALUATOR = RoleEntry(
    "evaluator",
    "evaluate",
    "deploy.evaluate.evaluator",
    "Judge each version on labelled frames: evaluate --model NAME.",
    "one for each set of models",
)
REPLAY = RoleEntry(
    "replay",
    "replay",
    "replay.worker",
    "Generate images for updates: replay --model NAME --worker N.",
    "a consumer group for each model",
    started="deploy.replay_workers",
    spare=True,
)

ROLES = (BROKER, FEED, SERVER, LEARNER, PUBLISHER, EVALUATOR, REPLAY)
"""Those that `r2r up` starts, in that order; a feed it never starts."""


@dataclass(frozen=True)
class RoleProcess:
    """One process of `r2r up`, but for the broker: that is started by its own class."""

    role: RoleEntry
    name: str
    host: str
    port: int
    flags: tuple[str, ...]
    """Besides those that every role of the model is given."""

    @property
    def address(self) -> str:
        """Where it is asked on this machine."""
        host = THIS_MACHINE if self.host in _ANY_ADDRESS else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def role_processes(host: str, port: int, first_metrics_port: int, replay_workers: int) -> list[RoleProcess]:
    """Return the processes of `r2r up` in the order in which they are started.

    Examples
    --------
    >>> [(process.name, process.port) for process in role_processes("127.0.0.1", 8080, 9101, 1)]
    [('server', 8080), ('learner', 9101), ('publisher', 9102), ('evaluator', 9103), ('replay-0', 9104)]
    """
    found = [RoleProcess(SERVER, SERVER.name, host, port, ("--port", str(port)))]
    metrics_port = first_metrics_port
    for role in (role for role in ROLES if role.port == "deploy.first_metrics_port"):
        numbered = role.started == "deploy.replay_workers"
        for number in range(replay_workers if numbered else 1):
            name = f"{role.name}-{number}" if numbered else role.name
            worker = ("--worker", str(number)) if numbered else ()
            flags = (*worker, "--metrics-port", str(metrics_port))
            found.append(RoleProcess(role, name, THIS_MACHINE, metrics_port, flags))
            metrics_port += 1
    return found
