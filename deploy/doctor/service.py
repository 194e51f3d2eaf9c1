"""``r2r doctor``: is all there that a system needs, and what is to be done where it is not."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial

from rich.console import Console
from rich.text import Text

from deploy.cli.all_settings import AllSettings, read_all_settings
from deploy.cli.errors import SystemMissing
from deploy.cli.tool import Tool, add_model_flag, run_tool, tool_parser
from deploy.doctor import broker_checks, installation_checks, machine_checks, weights_checks
from deploy.doctor.finding import Finding, error, exit_code, ok, warning
from deploy.status.running_system import find_running_system
from replay.weights import weights_of
from stream.kafka.facts import clock_difference, topic_facts
from stream.kafka.topics import Topics
from stream.process.clock import now_ms
from stream.process.errors import BrokerUnavailable, R2RError
from stream.process.home import running_settings
from stream.process.ports import THIS_MACHINE, listens, port_on_this_machine

_BROKER_SECONDS = 5.0
_NAME_WIDTH = 12
Check = Callable[[], Finding]


def doctor(tool: Tool) -> int:
    """Make each check and print its finding at once; return 1 where one found an error."""
    console = Console(highlight=False, soft_wrap=True)
    findings = []
    for finding in run_checks(tool):
        findings.append(finding)
        if not tool.flags.json:
            console.print(_line(finding))
    code = exit_code(findings)
    tool.render({"findings": [asdict(finding) for finding in findings], "ok": code == 0}, lambda: None)
    return code


def run_checks(tool: Tool) -> Iterator[Finding]:
    """Make the checks one by one, the quick ones first."""
    settings = read_all_settings(tool.flags.settings, tool.flags.set, running_settings(tool.home))
    system = find_running_system(tool.home)
    port = port_on_this_machine(settings.stream.bootstrap_servers)
    embedded = port is not None
    yield installation_checks.check_python()
    yield installation_checks.check_crc32c()
    yield machine_checks.check_memory(machine_checks.available_memory_bytes(), running=system is not None)
    yield machine_checks.check_disk(tool.home.root, settings.stream, embedded=embedded)
    ours = frozenset[int]() if system is None else frozenset(_port(role.address) for role in system.roles)
    yield machine_checks.check_ports(settings.deploy.processes, ours)
    yield installation_checks.check_java()
    yield _run("kafka jars", installation_checks.check_kafka_jars)
    yield from _broker_findings(tool, settings, embedded=embedded, taken=port is None or listens(THIS_MACHINE, port))
    yield _run("onnxruntime", partial(installation_checks.check_provider, settings.deploy.provider))
    yield _run("torch", partial(installation_checks.check_torch, settings.learner.threads))
    yield _run("replay", partial(weights_checks.check_replay, settings.replay))
    yield from _run_all("weights", partial(_weights_findings, settings))


def _weights_findings(settings: AllSettings) -> Iterator[Finding]:
    """Check the pretrained models, and the memory left where they run: on their GPU, or in the machine."""
    found = weights_of(settings.replay)
    if not found:
        return
    from replay.devices import memory_left  # noqa: PLC0415  torch takes seconds to import, and may be what is broken

    gpu = memory_left(settings.replay.device)
    yield from weights_checks.check_weights(found, machine_checks.available_memory_bytes() if gpu is None else gpu)


def _broker_findings(tool: Tool, settings: AllSettings, *, embedded: bool, taken: bool) -> Iterator[Finding]:
    streaming = settings.stream.model_copy(update={"broker_timeout_seconds": _BROKER_SECONDS})
    broker = broker_checks.check_broker(streaming, listens=taken, embedded=embedded)
    yield broker
    if broker.level == "error" or not taken:
        yield ok("topics", "not checked without Kafka")
        yield ok("clock", "not checked without Kafka")
        return
    model = _model(tool)
    topics = None if model is None else Topics(model, streaming.topic_prefix)
    frames = Topics("any", streaming.topic_prefix).frames
    wanted = broker_checks.wanted_topics(topics, streaming)
    yield _run("topics", lambda: broker_checks.check_topics(topic_facts(streaming, wanted), frames, model))
    yield _run("clock", lambda: broker_checks.check_clock(clock_difference(streaming, f"{frames}.clock-check", now_ms)))


def _run(name: str, check: Check) -> Finding:
    """Return what a check finds; one that cannot be made is a finding too."""
    return _run_all(name, lambda: [check()])[0]


def _run_all(name: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return all that a check finds, as `_run` does."""
    try:
        return list(check())
    except BrokerUnavailable as failure:
        return [warning(name, str(failure).partition(";")[0], "see Kafka's log, or what you may do there")]
    except R2RError as failure:
        message, _, remedy = str(failure).partition("; ")
        return [error(name, message, remedy)]
    except Exception as failure:  # whatever is broken in an installation: the other checks go on
        message = f"the check ended with {type(failure).__name__}: {failure}"
        return [error(name, message, "run `make install`, and report this if it stays")]


def _model(tool: Tool) -> str | None:
    try:
        return tool.model
    except SystemMissing:
        return None


def _port(address: str) -> int:
    return int(address.rpartition(":")[2] or 0)


def _line(finding: Finding) -> Text:
    line = Text.assemble((f"{finding.level:9}", finding.markup), f"{finding.name:{_NAME_WIDTH}}", finding.message)
    return line.append(f"\n{'':{9 + _NAME_WIDTH}}▶ {finding.remedy}") if finding.remedy else line


def main(argv: Sequence[str]) -> int:
    """Run the tool; return its exit code."""
    flags = tool_parser("doctor", "Is all there that a system needs? Each finding with its remedy.")
    add_model_flag(flags)
    return run_tool("doctor", flags, doctor, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
