"""One line on stderr that says what is being waited for: it moves on a terminal, and is written once elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def showing(text: str) -> Iterator[None]:
    """Show ``text`` while the block runs."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        tell(text)
        yield


def tell(text: str) -> None:
    """Write one line to stderr; on a terminal it does not stand behind a ^C."""
    sys.stderr.write(f"\n{text}\n" if sys.stderr.isatty() else f"{text}\n")
    sys.stderr.flush()
