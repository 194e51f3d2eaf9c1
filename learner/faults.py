"""Test-only faults: die at a named point, or commit too early. Off unless ``R2R_TEST_FAULTS`` is set.

``kill=<point>@<n>`` ends the process with SIGKILL when it reaches the point for the n-th time,
``bug=commit_before_rename`` plants the mistake that the crash test must catch; a comma separates them.
"""

import os
import re
import signal
from collections import Counter

from stream.errors import InvalidSetting

POINTS = (
    "plan_written",
    "mid_update",
    "checkpoint_half_written",
    "checkpoint_renamed",
    "announced",
    "offsets_committed",
)
_KILL = re.compile(rf"kill=({'|'.join(POINTS)})@([1-9][0-9]*)")
_BUG = "bug=commit_before_rename"


class Faults:
    """Counts the points that are reached and keeps the promise to die at one of them.

    Examples
    --------
    >>> Faults.parse("bug=commit_before_rename").commit_before_rename
    True
    """

    def __init__(self, kill_at: str = "", on_visit: int = 0, *, commit_before_rename: bool = False) -> None:
        self._kill_at = kill_at
        self._on_visit = on_visit
        self._visits: Counter[str] = Counter()
        self.commit_before_rename = commit_before_rename

    @classmethod
    def parse(cls, text: str) -> "Faults":
        """Read the variable's text; empty for none."""
        kill_at, on_visit, planted = "", 0, False
        for part in filter(None, text.split(",")):
            kill = _KILL.fullmatch(part)
            if kill:
                kill_at, on_visit = kill[1], int(kill[2])
            elif part == _BUG:
                planted = True
            else:
                message = f"R2R_TEST_FAULTS has {part!r}, but it takes {_BUG} and kill=<point>@<n>; mend it"
                raise InvalidSetting(message)
        return cls(kill_at, on_visit, commit_before_rename=planted)

    def reached(self, point: str) -> None:
        """Note the point; end the process there if that was asked for."""
        self._visits[point] += 1
        if point == self._kill_at and self._visits[point] == self._on_visit:
            os.kill(os.getpid(), signal.SIGKILL)
