"""A replay worker's test-only faults; see `stream.faults`."""

from stream import faults

POINTS = ("mid_generation", "generated", "mid_transaction", "committed")


class Faults(faults.Faults):
    """The points at which a worker can be told to die."""

    points = POINTS
