"""``r2r name CLUSTER NAME``: what a person calls a cluster, in the next version and all after it."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict

from deploy.cli.send_command import new_command, send_command
from deploy.cli.tool import Tool, add_model_flag, run_tool, tool_parser
from deploy.publish.promotion_state import PromotionStateFile
from deploy.registry.versions import Registry
from stream.messages.event import Event
from stream.process.clock import now_ms

_UNNAMED = "cluster-"


def name_cluster(tool: Tool) -> int:
    """Send the command, wait for the learner, print which version will carry the name."""
    flags, topics = tool.flags, tool.topics
    arguments: dict[str, str | int] = {"cluster": flags.cluster, "name": "" if flags.clear else flags.name}
    command = new_command(topics.model, "name", arguments, now_ms())
    event = send_command(tool.streaming, topics, command, flags.wait_seconds)
    root = str(tool.home.registry)
    pinned = PromotionStateFile(root, topics.model).load().pinned
    version = version_of(Registry(root), topics.model, event.task_seq)
    facts = {**asdict(event), "version": version, "pinned": pinned}
    tool.render(facts, lambda: sys.stdout.write(f"{outcome_text(event, version, pinned)}\n"))
    return 0


def version_of(registry: Registry, model: str, task_seq: int) -> int:
    """Return the number under which a task's checkpoint is published, or will be."""
    newest = registry.latest(model)
    if newest is None or newest < task_seq:
        return task_seq
    of_task = (v for v in registry.versions(model) if registry.manifest(model, v).task_seq == task_seq)
    return next(of_task, newest + 1)


def outcome_text(event: Event, version: int, pinned: int | None) -> str:
    """Return the sentence for the learner's answer.

    Examples
    --------
    >>> outcome_text(Event("", "digits", 45, "naming", 0, {"cluster": 3, "name": "seven"}), 45, None)
    'cluster 3 is called seven from version 45 on'
    """
    cluster, name = event.evidence["cluster"], event.evidence["name"]
    called = f"is called {name}" if name else "has no name any more"
    if pinned is None:
        return f"cluster {cluster} {called} from version {version} on"
    return f"cluster {cluster} {called} once version {pinned} is unpinned (`r2r models unpin`)"


def main(argv: Sequence[str]) -> int:
    """Run the tool; return its exit code."""
    flags = tool_parser("name", "Call a cluster by a name, or take its name back.")
    add_model_flag(flags)
    flags.add_argument("cluster", type=_cluster, help="the cluster's id: 7 or cluster-7")
    flags.add_argument("name", nargs="?", help="its name: at most 64 printable characters; clusters may share one")
    flags.add_argument("--clear", action="store_true", help="take the name back")
    flags.add_argument("--wait-seconds", type=float, default=60.0, help="for the learner's answer (default: 60)")
    given = flags.parse_args(argv)
    if given.clear == bool(given.name):
        flags.error("give a name, or --clear without one")
    return run_tool("name", flags, name_cluster, argv)


def _cluster(text: str) -> int:
    digits = text.removeprefix(_UNNAMED)
    if not (digits.isascii() and digits.isdecimal()):
        message = f"{text!r} is no cluster's id"
        raise argparse.ArgumentTypeError(message)
    return int(digits)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
