"""The shell around each role's process: settings, log, signals, metrics, and errors as one sentence.

A role is ``python -m <room>.<role> [--home DIR] [--settings FILE] [--set section.key=value]… [its own flags]``. Its
body is a function of a `Role`; it returns when ``stopping`` is set. Exit codes: 0 done, 1 an error that was told in one
sentence, 2 wrong flags.
"""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from prometheus_client import start_http_server

from stream.kafka.topics import is_model_name
from stream.process.errors import PortTaken, R2RError
from stream.process.home import Home, home_from_environment, running_settings
from stream.process.settings import Settings, load_settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Role:
    """What an entry point is given: its flags, where its state lives, and when to stop."""

    name: str
    flags: argparse.Namespace
    home: Home
    stopping: threading.Event
    log_file: Path

    def settings(self, section: str, settings_type: type[S]) -> S:
        """Read the settings of one section; see `stream.process.settings.load_settings` for the errors."""
        running = running_settings(self.home)
        return load_settings(section, settings_type, self.flags.settings, os.environ, self.flags.set, running)

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
    flags.add_argument("--home", type=Path, default=None, help="state folder (default: R2R_HOME or ./.r2r)")
    flags.add_argument("--settings", type=Path, default=None, help="a TOML file; `r2r init` writes one")
    flags.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="one setting")
    flags.add_argument("--metrics-port", type=int, default=0, help="port of /metrics; 0 for none")
    return flags


def run_role(name: str, flags: argparse.ArgumentParser, body: Callable[[Role], None], argv: Sequence[str]) -> int:
    """Run ``body`` until it returns or the process is told to stop; return the exit code."""
    parsed = flags.parse_args(argv)
    home = home_from_environment(os.environ) if parsed.home is None else Home(parsed.home.absolute())
    model = getattr(parsed, "model", None)
    if isinstance(model, str) and not is_model_name(model):
        flags.error(f"a model's name has 1 to 64 letters, digits, _ or -, but {model!r} came; choose another")
    log_file = home.logs / (f"{name}-{model}.log" if isinstance(model, str) else f"{name}.log")
    try:
        _log_to(log_file)
        role = Role(name, parsed, home, _stop_on_signals(), log_file)
        role.serve_metrics(parsed.metrics_port)
        body(role)
    except R2RError as error:
        _note(name)
        told = "(log: " in str(error) or not log_file.exists()  # of a role below it, the role's own
        where = "" if told else f" (log: {log_file})"
        sys.stderr.write(f"{name}: {error}{where}\n")
        return 1
    except Exception as error:  # the last line of defence: told in a sentence, kept whole in the log
        _note(name)
        sys.stderr.write(f"{name}: unexpected {type(error).__name__}: {error}; the full trace is in {log_file}\n")
        return 1
    return 0


def _note(name: str) -> None:
    """Write the error in hand into the log; where there is none, nowhere: its sentence is told all the same."""
    if logging.getLogger().handlers:
        logging.getLogger(name).exception("stopped")


def _log_to(log_file: Path) -> None:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(log_file)
    except OSError as error:
        message = f"the state folder cannot be written ({error}); choose another with --home or R2R_HOME"
        raise R2RError(message) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.raiseExceptions = False  # on a full disk our sentence comes alone
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for talkative in ("kafka", "httpx", "httpx2"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
