"""What a check found, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]
_MARKS = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True)
class Finding:
    """One line of `r2r doctor`; ``remedy`` is empty where nothing is wrong."""

    name: str
    level: Level
    message: str
    remedy: str = ""

    @property
    def markup(self) -> str:
        """The colour of its level."""
        return _MARKS[self.level]


def ok(name: str, message: str) -> Finding:
    """Return that all is well."""
    return Finding(name, "ok", message)


def warning(name: str, message: str, remedy: str) -> Finding:
    """Return what works and will trouble somebody."""
    return Finding(name, "warning", message, remedy)


def error(name: str, message: str, remedy: str) -> Finding:
    """Return what does not work."""
    return Finding(name, "error", message, remedy)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 1 where something does not work.

    Examples
    --------
    >>> exit_code([ok("disk", "much"), warning("clock", "late", "set it")])
    0
    """
    return int(any(finding.level == "error" for finding in findings))
