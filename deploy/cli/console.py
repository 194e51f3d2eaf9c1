"""What a person sees on a terminal: a tool's page on stdout, and on stderr what a command waits for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

_WIDER_THAN_ANY_PAGE = 100_000


def page_console() -> Console:
    """Return a console on stdout; where that is no terminal it cuts and wraps nothing, whatever ``COLUMNS`` says."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDER_THAN_ANY_PAGE)


@contextmanager
def waiting_for(text: str) -> Iterator[None]:
    """Show ``text`` on stderr while the block runs: it moves on a terminal, and is written once elsewhere."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        write_line(text)
        yield


def write_line(text: str) -> None:
    """Write one line to stderr; on a terminal it does not stand behind a ^C."""
    sys.stderr.write(f"\n{text}\n" if sys.stderr.isatty() else f"{text}\n")
    sys.stderr.flush()
