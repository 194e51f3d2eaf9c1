"""A system's status as a page of a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.status.disk_usage import readable_bytes
from deploy.status.system_status import RoleStatus, SystemStatus
from stream.messages.event import Event

_FEW = 4


def status_page(status: SystemStatus, now_ms: int) -> RenderableType:
    """Lay a status out: where, roles, figures, newest events."""
    minutes, seconds = divmod(max(0, now_ms - status.system.started_at_ms) // 1000, 60)
    where = f"model {status.system.model} in {status.home}, up for {minutes} min {seconds} s"
    return Group(Text(where, style="bold"), _roles(status.roles), _figures(status), _events(status.events))


def _roles(roles: Sequence[RoleStatus]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("role", "pid", "state", "address", "memory"):
        table.add_column(column, justify="right" if column in ("pid", "memory") else "left")
    for status in roles:
        role, memory = status.role, status.memory_bytes
        size = "" if memory is None else readable_bytes(memory)
        table.add_row(role.name, str(role.pid), _state(status), role.address, size)
    return table


def _state(status: RoleStatus) -> Text:
    if not status.role.alive:
        return Text("ended", style="red")
    if status.answers is None:
        return Text("runs", style="green")
    return Text("answers", style="green") if status.answers else Text("does not answer", style="yellow")


def _figures(status: SystemStatus) -> Table:
    learner = status.learner
    pinned = "" if status.pinned is None else f", {status.pinned} is pinned"
    pinned = ", pinned" if status.pinned == status.version else pinned
    rate = status.frames_per_second
    disk = ", ".join(f"{name} {readable_bytes(size)}" for name, size in status.disk_bytes.items())
    rows = {
        "version that answers": "none yet" if not status.version else f"{status.version}{pinned}",
        "micro-tasks": _number(learner["task"]),
        "frames learned from": f"{_number(learner['frames'])} ({'–' if rate is None else f'{rate:.1f}'} a second)",
        "frames waiting (lag)": _number(learner["lag_records"]),
        "frames refused": _number(learner["rejected"]),
        "clusters": _number(learner["clusters"]),
        "uncertain frames": _share(learner["uncertain_ratio"]),
        "drift signals, updates": f"{_number(learner['drift_signals'])}, {_number(learner['updates'])}",
        "disk": f"{readable_bytes(sum(status.disk_bytes.values()))} ({disk})",
    }
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _events(events: Sequence[Event]) -> RenderableType:
    if not events:
        return Text("\nno events yet")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("UTC", "task", "event"):
        table.add_column(column, justify="right" if column == "task" else "left", no_wrap=True)
    table.add_column("evidence", overflow="fold")
    for event in events:
        moment = datetime.fromtimestamp(event.at_ms / 1000, UTC)
        table.add_row(f"{moment:%H:%M:%S}", str(event.task_seq), event.kind, Text(evidence_line(event)))
    return table


def evidence_line(event: Event) -> str:
    """Write an event's evidence in one line.

    Examples
    --------
    >>> evidence_line(Event("", "m", 1, "drift", 0, {"detector": "page_hinkley", "statistic": 21.51234}))
    'detector=page_hinkley statistic=21.5'
    """
    long = len(event.evidence) > _FEW  # then what is zero says little
    shown = [(name, value) for name, value in event.evidence.items() if not long or value not in (0, "", [])]
    words = [f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in shown]
    return " ".join(words)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%} of the newest micro-task"
