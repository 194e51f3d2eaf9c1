"""What a role's process has beside its shell: a log file, signals that stop it, and metrics.

A role is ``python -m <room>.<role> [--home DIR] [--settings FILE] [--set section.key=value]… [its own flags]``. Its
body is a function of a `Role`; it returns when ``stopping`` is set. Exit codes: 0 done, 1 an error that was told in one
sentence, 2 wrong flags.
"""

import argparse
import functools
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import start_http_server

from stream.process.errors import PortTaken, R2RError
from stream.process.model_name import is_model_name, no_model_name
from stream.process.shell import Shell, add_common_flags, home_of, open_log, run_in_shell


@dataclass(frozen=True)
class Role(Shell):
    """What a role's body is given: beside what every process has, when to stop, and its log."""

    stopping: threading.Event
    log_file: Path

    def serve_metrics(self, port: int) -> None:
        """Answer ``/metrics`` on 127.0.0.1:``port`` from a thread; 0 answers nowhere.

        Raises
        ------
        PortTaken
            Another process listens there.
        """
        if port == 0:
            return
        try:
            start_http_server(port, addr="127.0.0.1")
        except OSError as error:
            message = (
                f"port {port} for /metrics is taken; free it or choose another with --metrics-port "
                "(under `r2r up` with deploy.first_metrics_port)"
            )
            raise PortTaken(message) from error


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that every role has."""
    command = sys.argv[0]
    flags = argparse.ArgumentParser(prog=command if command.startswith("r2r ") else name, description=description)
    add_common_flags(flags)
    flags.add_argument("--metrics-port", type=int, default=0, help="port of /metrics; 0 for none")
    return flags


def run_role(name: str, flags: argparse.ArgumentParser, body: Callable[[Role], None], argv: Sequence[str]) -> int:
    """Run ``body`` until it returns or the process is told to stop; return the exit code."""
    parsed = flags.parse_args(argv)
    home = home_of(parsed)
    model = getattr(parsed, "model", None)
    if isinstance(model, str) and not is_model_name(model):
        flags.error(no_model_name(model))
    log_file = home.logs / (f"{name}-{model}.log" if isinstance(model, str) else f"{name}.log")

    def run() -> int:
        _log_to(log_file)
        role = Role(name, parsed, home, _stop_on_signals(), log_file)
        role.serve_metrics(parsed.metrics_port)
        body(role)
        return 0

    return run_in_shell(name, run, functools.partial(_keep, name, log_file))


def _keep(name: str, log_file: Path, error: Exception) -> str:
    """Write the error into the log, if that could be opened; return the end of its sentence."""
    if logging.getLogger().handlers:
        logging.getLogger(name).error("stopped", exc_info=error)
    if not isinstance(error, R2RError):
        return f"; the full trace is in {log_file}"
    told = "(log: " in str(error) or not log_file.exists()  # of a role below it, the role's own
    return "" if told else f" (log: {log_file})"


def _log_to(log_file: Path) -> None:
    try:
        handler = open_log(log_file)
    except OSError as error:
        message = f"the state folder cannot be written ({error}); choose another with --home or R2R_HOME"
        raise R2RError(message) from error
    logging.raiseExceptions = False  # on a full disk our sentence comes alone
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for talkative in ("kafka", "httpx", "httpx2"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
