"""What a home occupies on its disk."""

import os
from collections.abc import Iterator
from pathlib import Path

from stream.process.home import Home

_BLOCK_BYTES = 512


def home_usage_bytes(home: Home) -> dict[str, int]:
    """Return the bytes that each part of a home occupies; Kafka's files with holes count what is written of them."""
    parts = (home.kafka, home.checkpoints, home.registry, home.logs)
    return {part.name: sum(_sizes(part)) for part in parts if part.exists()}


def readable_bytes(size_bytes: float) -> str:
    """Write a number of bytes for a person.

    Examples
    --------
    >>> readable_bytes(17), readable_bytes(4 * 1024**3), readable_bytes(1_572_864)
    ('17 B', '4.0 GiB', '1.5 MiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size_bytes) < 1024 or unit == "GiB":  # noqa: PLR2004
            break
        size_bytes /= 1024
    return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                yield (Path(place) / name).lstat().st_blocks * _BLOCK_BYTES
            except FileNotFoundError:  # deleted meanwhile
                continue
