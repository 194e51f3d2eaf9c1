"""The learner's test-only faults; see `stream.faults`."""

from stream import faults

POINTS = (
    "plan_written",
    "mid_update",
    "checkpoint_half_written",
    "checkpoint_renamed",
    "announced",
    "offsets_committed",
)


class Faults(faults.Faults):
    """The points at which a learner can be told to die, and the mistake that the crash test must catch.

    Examples
    --------
    >>> Faults.parse("bug=commit_before_rename").commit_before_rename
    True
    """

    points = POINTS
    bugs = ("commit_before_rename",)

    @property
    def commit_before_rename(self) -> bool:
        """Whether ``CURRENT`` is to name a checkpoint that is not whole yet."""
        return self.has("commit_before_rename")
