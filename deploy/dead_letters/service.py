"""``r2r dlq list|show|resend``: what no role could read, why, and back to where it came from."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from deploy.cli.console import page_console
from deploy.cli.tool import Tool, add_action, run_tool
from deploy.dead_letters.dead_letter import DeadLetter, dead_letter_table
from deploy.dead_letters.dead_letter_queue import MOST_READ, DeadLetterMissing, DeadLetterQueue, Overview
from stream.kafka.topics import Topics
from stream.log import Record
from stream.process.home import write_atomically

_SHOWN = 20
_NO_MODEL = "feed"  # the topic of frames is shared by all


def dlq(tool: Tool) -> int:
    """List the letters, show one, or send some back."""
    queue = DeadLetterQueue(tool.streaming, _topic(tool))
    return {"list": _list, "show": _show, "resend": _resend}[tool.flags.action](tool, queue)


def _topic(tool: Tool) -> str:
    if tool.flags.topic == "frames":
        return Topics(_NO_MODEL, tool.streaming.topic_prefix).frames_dlq
    return tool.topics.replay_requests_dlq


def _list(tool: Tool, queue: DeadLetterQueue) -> int:
    found = queue.overview(tool.flags.limit, tool.flags.reason)
    letters = [letter.facts() for letter in found.letters]
    facts = {"topic": queue.topic, "reasons": found.reasons, "passed_over": found.passed_over, "letters": letters}
    tool.render(facts, lambda: _print_overview(queue.topic, found))
    return 0


def _print_overview(topic: str, found: Overview) -> None:
    console = page_console()
    if not found.reasons:
        console.print(f"{topic} is empty: every record could be read")
        return
    counts = ", ".join(f"{count} {reason}" for reason, count in found.reasons.items())
    older = f" among the newest {MOST_READ} of each partition" if found.passed_over else ""
    console.print(Text(f"{topic}: {counts}{older}"))
    console.print(dead_letter_table(found.letters))


def _show(tool: Tool, queue: DeadLetterQueue) -> int:
    record = queue.letter(tool.flags.place)
    headers = {name: (content or b"").decode(errors="replace") for name, content in record.headers}
    if tool.flags.save is not None:
        if not record.value:
            message = f"the record at {tool.flags.place} has no value to save; show it without --save"
            raise DeadLetterMissing(message)
        write_atomically(tool.flags.save.absolute(), record.value)
    facts = {**DeadLetter.of(record).facts(), "headers": headers}
    tool.render(facts, lambda: _print_letter(record, headers, tool.flags.save))
    return 0


def _print_letter(record: Record, headers: dict[str, str], saved: Path | None) -> None:
    letter, console = DeadLetter.of(record), Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{letter.place}: {letter.reason}: {letter.message}"))
    size = f"{letter.size_bytes} bytes" if not letter.omitted_bytes else f"left out, {letter.omitted_bytes} bytes"
    console.print(Text(f"key {(record.key or b'').decode(errors='replace')!r}, value {size}"))
    for name, content in headers.items():
        console.print(Text(f"  {name}: {content}"))
    if saved is not None:
        console.print(Text(f"the value is in {saved}"))


def _resend(tool: Tool, queue: DeadLetterQueue) -> int:
    keep = not tool.flags.drop_sequence
    done = queue.resend_all(tool.flags.reason, keep_sequence=keep) if tool.flags.all else None
    done = queue.resend(tool.flags.places, keep_sequence=keep) if done is None else done
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in done.items()) or "no letter of this reason"
    tool.render({"topic": queue.topic, "outcomes": dict(done)}, lambda: sys.stdout.write(f"{outcomes}\n"))
    return 0


def main(argv: Sequence[str]) -> int:
    """Run the tool; return its exit code."""
    text = "Records that no role could read: they were set aside with their reason, and the stream went on."
    flags = argparse.ArgumentParser(prog="r2r dlq", description=text)
    actions = flags.add_subparsers(dest="action", required=True, metavar="list|show|resend")
    listing = _action(actions, "list", "list the newest letters, and count all by reason")
    listing.add_argument("--limit", type=int, choices=range(1, 1001), default=_SHOWN, metavar="N", help="1 to 1000")
    listing.add_argument("--reason", default=None, help="only letters of this reason")
    show = _action(actions, "show", "show one letter with its headers")
    show.add_argument("place", help="partition/offset, as `list` shows it")
    show.add_argument("--save", type=Path, default=None, metavar="FILE", help="write its value there")
    resend = _action(actions, "resend", "send letters back to where they came from, once their cause is mended")
    resend.add_argument("places", nargs="*", help="partition/offset …")
    resend.add_argument("--all", action="store_true", help="every letter that is there now")
    resend.add_argument("--reason", default=None, help="with --all: only letters of this reason")
    resend.add_argument(
        "--drop-sequence", action="store_true", help="for frames whose source has sent over 1,024 newer ones"
    )
    given = flags.parse_args(argv)
    if given.action == "resend" and given.all == bool(given.places):
        resend.error("name letters by partition/offset, or --all")
    return run_tool("dlq", flags, dlq, argv)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    action = add_action(actions, name, text)
    action.add_argument("--topic", choices=("frames", "replay"), default="frames", help="whose letters (frames)")
    return action


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
