"""Where a tool's page is printed: as wide as the terminal, and as wide as the page where a program reads it."""

import sys

from rich.console import Console

_WIDER_THAN_ANY_PAGE = 100_000


def page_console() -> Console:
    """Return a console on stdout; where that is no terminal it cuts and wraps nothing, whatever ``COLUMNS`` says."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDER_THAN_ANY_PAGE)
