"""The learner's test-only faults; see `stream.process.faults`."""

from stream.process import faults

POINTS = (
    "plan_executed",  # in memory; whether the plan is in the log is not known
    "plan_written",  # and executed, but nothing of that has left the process
    "update_executed",  # and nothing of it has left the process
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
