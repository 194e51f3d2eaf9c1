"""The shell around each tool of a person: flags, settings, JSON, and errors as one sentence.

A tool is ``python -m deploy.<tool> [--home DIR] [--settings FILE] [--set section.key=value]… [--json] [own flags]``.
Unlike a role it serves nothing, leaves no log behind where all goes well, and finds the system that `r2r up` runs in
the same home. Exit codes: 0 done, 1 an error that was told in one sentence, 2 wrong flags, 130 interrupted.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from deploy.cli.errors import SystemMissing
from stream.kafka.topics import Topics, is_model_name
from stream.process.errors import R2RError
from stream.process.home import Home, home_from_environment, read_run_file, running_settings
from stream.process.settings import Settings, StreamSettings, load_settings

S = TypeVar("S", bound=Settings)

_INTERRUPTED = 130


@dataclass(frozen=True)
class Tool:
    """What a tool's entry point is given."""

    flags: argparse.Namespace
    home: Home

    def settings(self, section: str, settings_type: type[S]) -> S:
        """Read the settings of one section; see `stream.process.settings.load_settings` for the errors."""
        flags, running = self.flags, running_settings(self.home)
        return load_settings(section, settings_type, flags.settings, os.environ, flags.set, running)

    @property
    def streaming(self) -> StreamSettings:
        """How Kafka is reached."""
        return self.settings("stream", StreamSettings)

    @property
    def model(self) -> str:
        """The model that is meant: the one that was named, or that runs, or the only one of the home.

        Raises
        ------
        SystemMissing
            None of these, or several.
        """
        named = self.flags.model or read_run_file(self.home).get("up", {}).get("model")
        if named:
            return str(named)
        folders = (self.home.checkpoints, self.home.registry / "live")
        there = sorted({path.name for folder in folders for path in folder.glob("*") if is_model_name(path.name)})
        if len(there) == 1:
            return there[0]
        if not there:
            remedy = "make one with `r2r up --model NAME`, or name its home with --home"
            message = f"{self.home.root} has no model yet; {remedy}"
            raise SystemMissing(message)
        message = f"which model of {self.home.root} is meant (it has {', '.join(there)})? name it with --model"
        raise SystemMissing(message)

    @property
    def topics(self) -> Topics:
        """Where the model's messages travel."""
        return Topics(self.model, self.streaming.topic_prefix)

    def render(self, facts: Any, show: Callable[[], object]) -> None:
        """Write ``facts`` as one JSON object where that was asked for; let ``show`` write for a person otherwise."""
        if self.flags.json:
            sys.stdout.write(f"{json.dumps(facts, allow_nan=False)}\n")
        else:
            show()


def tool_parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that every tool has."""
    flags = argparse.ArgumentParser(prog=f"r2r {name}", description=description)
    add_common_flags(flags)
    return flags


def add_model_flag(flags: argparse.ArgumentParser) -> None:
    """Add which model is meant; see `Tool.model`."""
    flags.add_argument("--model", default=None, help="which model (default: the one that runs, or the only one)")


def add_common_flags(flags: argparse.ArgumentParser) -> None:
    """Add what every tool, and every action of a tool that has several, is told by flags."""
    flags.add_argument("--home", type=Path, default=None, help="state folder (default: R2R_HOME or ./.r2r)")
    flags.add_argument("--settings", type=Path, default=None, help="a TOML file; `r2r init` writes one")
    flags.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="one setting")
    flags.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")


def run_tool(name: str, flags: argparse.ArgumentParser, body: Callable[[Tool], int], argv: Sequence[str]) -> int:
    """Run ``body``; return its exit code, or that of the error it raised."""
    parsed = flags.parse_args(argv)
    home = home_from_environment(os.environ) if parsed.home is None else Home(parsed.home.absolute())
    logging.basicConfig(
        handlers=[logging.NullHandler()], force=True
    )  # Kafka's warnings would stand beside our sentence
    try:
        return body(Tool(parsed, home))
    except R2RError as error:
        sys.stderr.write(f"r2r {name}: {error}\n")
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # the last line of defence: told in a sentence, kept whole in a log
        sys.stderr.write(f"r2r {name}: unexpected {type(error).__name__}: {error}{_keep_trace(home, name)}\n")
    return 1


def _keep_trace(home: Home, name: str) -> str:
    """Write the trace where it can be written; say where."""
    log_file = home.logs / "tools.log"
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(log_file)
    except OSError:
        return ""
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger(f"r2r {name}")
    logger.addHandler(handler)
    logger.exception("stopped")
    handler.close()
    return f" (log: {log_file})"
