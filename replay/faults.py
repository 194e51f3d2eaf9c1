"""A replay worker's test-only faults; see `stream.process.faults`."""

from stream.process import faults

POINTS = ("mid_generation", "generated", "mid_transaction", "committed")


class Faults(faults.Faults):
    """The points at which a worker can be told to die."""

    points = POINTS
