"""``r2r up --model NAME``: all roles of one model on this machine, and Kafka unless one is there."""

import functools
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from deploy.cli.all_settings import read_all_settings
from deploy.cli.console import waiting_for, write_line
from deploy.doctor.machine_checks import check_ports
from deploy.host.errors import RolesSilent, SystemRunning
from deploy.host.supervisor import RoleCommand, Supervisor
from deploy.roles import BROKER
from deploy.settings import DeploySettings
from deploy.status.running_system import left_over_roles
from deploy.status.scrape import answers
from stream.broker.embedded import EmbeddedBroker
from stream.kafka.admin import wait_for_broker
from stream.process.clock import now_ms
from stream.process.deadline import Deadline
from stream.process.errors import BrokerUnavailable, PortTaken
from stream.process.home import Home
from stream.process.lock import ProcessLock
from stream.process.ports import THIS_MACHINE, free_port, listens, port_on_this_machine
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings

_CHECK_SECONDS = 0.5
_BROKER_CHECK_SECONDS = 5.0
_READY_SECONDS = 300.0
_LEFT_OVER_SECONDS = 45.0  # a role that had just begun to wait for Kafka gives up after 20


@dataclass
class System:
    """What `r2r up` runs; the methods are its script."""

    role: Role
    streaming: StreamSettings
    serving: DeploySettings
    running: ExitStack
    broker: EmbeddedBroker | None = None
    reported: set[str] = field(default_factory=set)
    """Spare roles that ended, and were reported."""

    def start_broker(self) -> None:
        """Start the embedded Kafka, unless one answers at the address or the address is another machine's."""
        port = port_on_this_machine(self.streaming.bootstrap_servers)
        if port is None:
            with waiting_for(f"waiting for Kafka at {self.streaming.bootstrap_servers} …"):
                wait_for_broker(self.streaming)
        elif not _broker_answers(self.streaming, port):
            with waiting_for(f"starting Kafka on port {port} (at the first start its jars, 43 MB, are fetched) …"):
                self.broker = self.running.enter_context(EmbeddedBroker(self.role.home.kafka, port))

    def start_roles(self) -> Supervisor:
        """Start every role of the model."""
        supervisor = self.running.enter_context(Supervisor(self.role.home, self._facts()))
        for command in role_commands(self.role, self.serving):
            supervisor.start(command)
        return supervisor

    def wait_until_ready(self, supervisor: Supervisor) -> bool:
        """Return once every role answers, or False where the system is to stop before.

        Raises
        ------
        RolesSilent
            A role runs and does not answer within five minutes.
        """
        deadline = Deadline(_READY_SECONDS)
        silent = {command.name: command.address for command in role_commands(self.role, self.serving)}
        with waiting_for(f"starting {', '.join(silent)} …"):
            while silent:
                if self.role.stopping.wait(_CHECK_SECONDS):
                    return False
                self.check(supervisor)
                ended = supervisor.given_up.keys()
                silent = {n: address for n, address in silent.items() if n not in ended and not answers(address)}
                if silent and deadline.expired:
                    raise RolesSilent(sorted(silent), _READY_SECONDS, str(self.role.home.logs))
        return True

    def check(self, supervisor: Supervisor) -> None:
        """Start again what was killed, report the spare roles that ended, raise what ends the system."""
        if self.broker is not None:
            self.broker.check()
        supervisor.check()
        for name in supervisor.given_up.keys() - self.reported:
            write_line(f"up: {supervisor.given_up[name]}; the others go on")
            self.reported.add(name)

    def _facts(self) -> dict[str, dict[str, str | int]]:
        up: dict[str, str | int] = {
            "pid": os.getpid(),
            "address": "",
            "model": self.role.flags.model,
            "bootstrap_servers": self.streaming.bootstrap_servers,
            "topic_prefix": self.streaming.topic_prefix,
            "started_at_ms": now_ms(),
        }
        if self.broker is None or self.broker.pid is None:
            return {"up": up}
        return {"up": up, BROKER.name: {"pid": self.broker.pid, "address": self.streaming.bootstrap_servers}}


def supervise(role: Role) -> None:
    """Check all settings, start Kafka and the roles, report when they answer, and stop them all on SIGTERM or SIGINT.

    A role that ends by itself ends them all; a replay worker alone does not.
    """
    settings = read_all_settings(role.flags.settings, role.flags.set)
    with ExitStack() as running:
        running.enter_context(the_only_system(role.home))
        wait_for_left_over_roles(role)
        streaming, serving = settings.stream, settings.deploy
        if serving.port == 0:
            serving = serving.model_copy(update={"port": free_port()})
        _check_ports(serving)
        system = System(role, streaming, serving, running)
        system.start_broker()
        if role.stopping.is_set():
            return
        supervisor = system.start_roles()
        running.callback(_report_stopping)
        if system.wait_until_ready(supervisor):
            _report_ready(system)
        while not role.stopping.wait(_CHECK_SECONDS):
            system.check(supervisor)


def the_only_system(home: Home) -> ProcessLock:
    """Return the home's lock, which one `r2r up` may hold.

    Raises
    ------
    SystemRunning
        Another one holds it.
    """
    return ProcessLock(home.root / "up.lock", functools.partial(SystemRunning, str(home.root)))


def wait_for_left_over_roles(role: Role) -> None:
    """Wait for the roles of a system whose supervisor was killed: they stop by themselves, and hold its ports."""
    deadline = Deadline(_LEFT_OVER_SECONDS)
    left = left_over_roles(role.home)
    if left:
        with waiting_for(f"waiting for {', '.join(left)} of the last system to end …"):
            while left_over_roles(role.home) and not (deadline.expired or role.stopping.wait(_CHECK_SECONDS)):
                continue


def _check_ports(serving: DeploySettings) -> None:
    """Raise PortTaken before anything is started."""
    finding = check_ports(serving.processes, frozenset())
    if finding.level == "error":
        message = f"{finding.message}; {finding.remedy}"
        raise PortTaken(message)


def role_commands(role: Role, serving: DeploySettings) -> list[RoleCommand]:
    """Return the roles in the order in which they are started."""
    own = ["--model", role.flags.model, *(flag for setting in role.flags.set for flag in ("--set", setting))]
    own += ["--settings", str(role.flags.settings)] if role.flags.settings else []
    return [
        RoleCommand(one.name, one.role.module, [*own, *one.flags], one.address, spare=one.role.spare)
        for one in serving.processes
    ]


def _report_ready(system: System) -> None:
    role, streaming = system.role, system.streaming
    sys.stdout.write(f"model {role.flags.model} is ready; Ctrl-C stops all\n")
    sys.stdout.write(f"  answers at   {system.serving.processes[0].address}\n")
    sys.stdout.write(f"  learns from  {streaming.topic_prefix}.frames at {streaming.bootstrap_servers}\n")
    sys.stdout.write(f"  logs in      {role.home.logs}\n")
    sys.stdout.flush()


def _report_stopping() -> None:
    write_line("stopping all roles; this takes some seconds …")


def _broker_answers(settings: StreamSettings, port: int) -> bool:
    if not listens(THIS_MACHINE, port):
        return False
    try:
        wait_for_broker(settings.model_copy(update={"broker_timeout_seconds": _BROKER_CHECK_SECONDS}))
    except BrokerUnavailable:
        return False
    return True


def main(argv: Sequence[str]) -> int:
    """Run all roles; return the exit code."""
    flags = parser("up", "Run every role of one model on this machine.")
    flags.add_argument("--model", required=True, help="the model's name")
    return run_role("up", flags, supervise, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
