"""``r2r status``: how the system is that `r2r up` runs in this home."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing

from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from deploy.cli.console import page_console
from deploy.cli.errors import SystemMissing
from deploy.cli.tool import Tool, run_tool, tool_parser
from deploy.status.running_system import RunningSystem, find_running_system
from deploy.status.status_page import status_page
from deploy.status.system_status import EventLog, FrameRate, read_status
from stream.kafka.topics import Topics
from stream.process.clock import now_ms
from stream.process.home import Home, read_run_file

_REFRESH_SECONDS = 1.0


def status(tool: Tool) -> int:
    """Show the system once, or again each second until Ctrl-C."""
    if tool.flags.watch and not tool.flags.json:
        _watch(tool)
        return 0
    system = find_running_system(tool.home)
    if system is None and tool.flags.json:
        sys.stdout.write(f"{json.dumps({'home': str(tool.home.root), 'running': False})}\n")
        return 1
    if system is None:
        raise SystemMissing(nothing_runs(tool.home))
    with closing(_event_log(tool, system)) as log:
        status_now = read_status(tool.home, system, FrameRate(), log, now_ms() / 1000)
    tool.render(status_now.facts(), lambda: page_console().print(status_page(status_now, now_ms())))
    return 0


def nothing_runs(home: Home) -> str:
    """Say that no system runs in a home, and why if that is known."""
    up = read_run_file(home).get("up")
    killed = f" (the last one, process {up['pid']}, was killed)" if up else ""
    return f"nothing runs in {home.root}{killed}; start it with `r2r up --model NAME`, or name its home with --home"


def _watch(tool: Tool) -> None:
    """Refresh once a second; the events' connection stays open."""
    rate, logs = FrameRate(), dict[str, EventLog]()

    def page() -> RenderableType:
        system = find_running_system(tool.home)
        if system is None:
            return Text(nothing_runs(tool.home))
        if system.bootstrap_servers not in logs:
            _close(logs)
            logs[system.bootstrap_servers] = _event_log(tool, system)
        log = logs[system.bootstrap_servers]
        return status_page(read_status(tool.home, system, rate, log, now_ms() / 1000), now_ms())

    try:
        with Live(page(), console=page_console(), auto_refresh=False, screen=sys.stdout.isatty()) as live:
            while True:
                time.sleep(_REFRESH_SECONDS)
                live.update(page(), refresh=True)
    except KeyboardInterrupt:
        return
    finally:
        _close(logs)


def _event_log(tool: Tool, system: RunningSystem) -> EventLog:
    streaming = tool.streaming
    return EventLog(streaming, Topics(system.model, streaming.topic_prefix))


def _close(logs: dict[str, EventLog]) -> None:
    for log in logs.values():
        log.close()
    logs.clear()


def main(argv: Sequence[str]) -> int:
    """Run the tool; return its exit code."""
    flags = tool_parser("status", "Show the system that runs in this home.")
    flags.add_argument("--watch", action="store_true", help="again each second, until Ctrl-C")
    return run_tool("status", flags, status, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
