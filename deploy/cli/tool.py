"""What a person's tool has beside its shell: which model is meant, and answers as JSON.

A tool is ``python -m deploy.<tool> [--home DIR] [--settings FILE] [--set section.key=value]… [--json] [own flags]``.
Unlike a role it serves nothing, leaves no log behind where all goes well, and finds the system that `r2r up` runs in
the same home. Exit codes: 0 done, 1 an error that was told in one sentence, 2 wrong flags, 130 interrupted.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.cli.errors import SystemMissing
from stream.kafka.topics import Topics
from stream.process import shell
from stream.process.home import read_run_file
from stream.process.model_name import is_model_name
from stream.process.settings import StreamSettings


@dataclass(frozen=True)
class Tool(shell.Shell):
    """What a tool's body is given."""

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


def add_action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    """Add one action of a tool that has several; return its parser, with the flags that every one has."""
    action = actions.add_parser(name, help=text, description=text)
    add_common_flags(action)
    add_model_flag(action)
    return action


def add_common_flags(flags: argparse.ArgumentParser) -> None:
    """Add what every tool, and every action of a tool that has several, is told by flags."""
    shell.add_common_flags(flags)
    flags.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")


def run_tool(name: str, flags: argparse.ArgumentParser, body: Callable[[Tool], int], argv: Sequence[str]) -> int:
    """Run ``body``; return its exit code, or that of the error it raised."""
    parsed = flags.parse_args(argv)
    tool = Tool(name, parsed, shell.home_of(parsed))
    logging.basicConfig(
        handlers=[logging.NullHandler()], force=True
    )  # Kafka's warnings would stand beside our sentence
    return shell.run_tool_in_shell(f"r2r {name}", lambda: body(tool), tool.home.logs / "tools.log")
