"""Test-only faults: die at a named point, or make a named mistake. Off unless ``R2R_TEST_FAULTS`` is set.

``kill=<point>@<n>`` ends the process with SIGKILL when it reaches the point for the n-th time, ``bug=<name>`` plants a
mistake that a crash test must catch; a comma separates them. A role with faults lists its points in a subclass.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Self

from stream.process.errors import InvalidSetting

_KILL = re.compile(r"kill=([a-z_]+)@([1-9][0-9]*)")


class Faults:
    """Counts the points that are reached and keeps the promise to die at one of them; by itself it has none.

    Examples
    --------
    >>> class Role(Faults):
    ...     points, bugs = ("half_written",), ("commit_first",)
    >>> Role.parse("bug=commit_first").has("commit_first")
    True
    """

    points: ClassVar[Sequence[str]] = ()
    bugs: ClassVar[Sequence[str]] = ()

    def __init__(self, kill_at: str = "", on_visit: int = 0, bug: str = "") -> None:
        self._kill_at = kill_at
        self._on_visit = on_visit
        self._bug = bug
        self._visits: Counter[str] = Counter()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the variable's text; empty for none."""
        kill_at, on_visit, bug = "", 0, ""
        for part in filter(None, text.split(",")):
            kill = _KILL.fullmatch(part)
            if kill and kill[1] in cls.points:
                kill_at, on_visit = kill[1], int(kill[2])
            elif part.removeprefix("bug=") in cls.bugs and part.startswith("bug="):
                bug = part.removeprefix("bug=")
            else:
                known = [f"kill=<{'|'.join(cls.points)}>@<n>", *(f"bug={name}" for name in cls.bugs)]
                message = f"R2R_TEST_FAULTS has {part!r}, but it takes {' and '.join(known)}; mend it"
                raise InvalidSetting(message)
        return cls(kill_at, on_visit, bug)

    def has(self, bug: str) -> bool:
        """Say whether the mistake is planted."""
        return self._bug == bug

    def reached(self, point: str) -> None:
        """Note the point; end the process there if that was asked for."""
        self._visits[point] += 1
        if point == self._kill_at and self._visits[point] == self._on_visit:
            os.kill(os.getpid(), signal.SIGKILL)
