"""A fault of kafka-python 3.0.12 that ends the reading of a partition which was full at the wrong moment."""

from typing import Any


def give_back_parked(consumer: Any) -> None:
    """Let the next poll go on with what ``kafka`` parked of partitions that were paused and are not any more.

    Its fetcher looks there only while no fetch is in line, but a drained one stays in line for ever; and what is parked
    is never fetched again.
    """
    fetcher = consumer._fetcher  # noqa: SLF001  (there is no other way to it)
    if not fetcher._next_partition_records:  # noqa: SLF001
        fetcher._next_partition_records = None  # noqa: SLF001
