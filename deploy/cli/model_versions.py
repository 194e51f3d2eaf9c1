"""``r2r models list|rollback|pin|unpin``: which version answers, and commands to change that."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict

from deploy.cli.console import page_console
from deploy.cli.errors import SystemMissing
from deploy.cli.send_command import new_command, send_command
from deploy.cli.tool import Tool, add_action, run_tool
from deploy.status.version_list import list_versions, version_table
from stream.messages.event import Event
from stream.process.clock import now_ms

_WAIT_SECONDS = 30.0


def models(tool: Tool) -> int:
    """List the versions, or send a command and print its outcome."""
    return _list(tool) if tool.flags.action == "list" else _ask(tool)


def _list(tool: Tool) -> int:
    root = tool.flags.registry or str(tool.home.registry)
    versions = list_versions(root, tool.model)
    if not versions:
        message = f"model {tool.model} has no version in {root} yet; the first comes with the learner's first update"
        raise SystemMissing(message)
    facts = {"model": tool.model, "versions": [listed.facts() for listed in versions]}
    tool.render(facts, lambda: page_console().print(version_table(versions)))
    return 0


def _ask(tool: Tool) -> int:
    flags = tool.flags
    version = getattr(flags, "version", None)
    arguments: dict[str, str | int] = {} if version is None else {"version": version}
    command = new_command(tool.model, flags.action, arguments, now_ms())
    event = send_command(tool.streaming, tool.topics, command, flags.wait_seconds)
    tool.render(asdict(event), lambda: sys.stdout.write(f"{outcome_text(event)}\n"))
    return 0


def outcome_text(event: Event) -> str:
    """Return the sentence for the publisher's answer.

    Examples
    --------
    >>> outcome_text(Event("", "cats", 41, "rollback", 0, {"version": 41, "rolled_back_from": 20}))
    'version 41 answers, with the content of 20; pinned: the learner goes on, `r2r models unpin` serves its newest'
    """
    version, source = event.evidence["version"], event.evidence.get("rolled_back_from")
    answers = f"version {version} answers" + ("" if source is None else f", with the content of {source}")
    if event.kind != "unpin":
        return f"{answers}; pinned: the learner goes on, `r2r models unpin` serves its newest"
    waiting = event.evidence.get("waiting_task")
    if waiting is not None:
        return f"nothing is pinned any more; the newest checkpoint, of task {waiting}, is published now"
    return f"nothing is pinned any more; {answers}"


def main(argv: Sequence[str]) -> int:
    """Run the tool; return its exit code."""
    flags = argparse.ArgumentParser(prog="r2r models", description="The versions of a model, and which one answers.")
    actions = flags.add_subparsers(dest="action", required=True, metavar="list|rollback|pin|unpin")
    listing = add_action(actions, "list", "list the versions, newest first")
    listing.add_argument("--registry", default=None, help="folder or address of the registry (default: in the home)")
    rollback = add_action(actions, "rollback", "serve an older version's content again, and pin it")
    rollback.add_argument("version", type=int, help="the version whose content is to answer")
    pin = add_action(actions, "pin", "keep what answers while the learner goes on")
    pin.add_argument("version", type=int, nargs="?", default=None, help="roll back to it first (default: what answers)")
    unpin = add_action(actions, "unpin", "serve the newest that was learned, and go on")
    for action in (rollback, pin, unpin):
        action.add_argument("--wait-seconds", type=float, default=_WAIT_SECONDS, help="for the publisher's answer")
    return run_tool("models", flags, models, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
