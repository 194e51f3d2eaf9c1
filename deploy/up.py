"""``r2r up --model NAME``: learner, publisher, server and evaluator of one model, and Kafka unless one is there."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from deploy.settings import DeploySettings
from deploy.supervisor import RoleCommand, Supervisor
from stream.broker_admin import wait_for_broker
from stream.embedded_broker import EmbeddedBroker
from stream.errors import BrokerUnavailable
from stream.role import Role, parser, run_role
from stream.settings import StreamSettings

_LOOK_SECONDS = 0.5
_BROKER_LOOK_SECONDS = 2.0
_THIS_MACHINE = ("127.0.0.1", "localhost")


def supervise(role: Role) -> None:
    """Start all roles, say where they answer, and stop them all when told to or when one of them ends by itself."""
    streaming = role.settings("stream", StreamSettings)
    serving = role.settings("deploy", DeploySettings)
    with ExitStack() as running:
        host, _, port = streaming.bootstrap_servers.rpartition(":")
        if host not in _THIS_MACHINE:
            wait_for_broker(streaming)
        elif not _broker_is_there(streaming):
            running.enter_context(EmbeddedBroker(role.home.kafka, int(port)))
        supervisor = running.enter_context(Supervisor(role.home))
        for command in _commands(role, serving):
            supervisor.start(command)
        sys.stdout.write(f"model {role.flags.model}: Kafka at {streaming.bootstrap_servers}, ")
        sys.stdout.write(
            f"answers at http://{serving.host}:{serving.port}, logs in {role.home.logs}; Ctrl-C stops all\n"
        )
        sys.stdout.flush()
        while not role.stopping.wait(_LOOK_SECONDS):
            supervisor.check()


def _commands(role: Role, serving: DeploySettings) -> list[RoleCommand]:
    common = [flag for setting in role.flags.set for flag in ("--set", setting)]
    common += ["--settings", str(role.flags.settings)] if role.flags.settings else []
    own = ["--model", role.flags.model, *common]
    address = f"http://{serving.host}:{serving.port}"
    commands = [RoleCommand("server", "deploy.server", own, address)]
    roles = (("learner", "learner.service"), ("publisher", "deploy.publisher"), ("evaluator", "deploy.evaluator"))
    for port, (name, module) in enumerate(roles, start=serving.first_metrics_port):
        commands.append(RoleCommand(name, module, [*own, "--metrics-port", str(port)], f"http://127.0.0.1:{port}"))
    return commands


def _broker_is_there(settings: StreamSettings) -> bool:
    try:
        wait_for_broker(settings.model_copy(update={"broker_timeout_seconds": _BROKER_LOOK_SECONDS}))
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
