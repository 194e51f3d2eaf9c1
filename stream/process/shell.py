"""The shell around a process: its common flags, home and settings, and errors as one sentence.

Roles (`stream.process.role`) and the tools of a person (`deploy.cli.tool`, `replay.teachers`) run in it.
"""

import argparse
import functools
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stream.process.errors import R2RError
from stream.process.home import Home, home_from_environment, running_settings
from stream.process.settings import Settings, load_settings

S = TypeVar("S", bound=Settings)
_INTERRUPTED = 130


@dataclass(frozen=True)
class Shell:
    """What the body of every process is given: its name, its flags, and where its state lives."""

    name: str
    flags: argparse.Namespace
    home: Home

    def settings(self, section: str, settings_type: type[S]) -> S:
        """Read the settings of one section; see `stream.process.settings.load_settings` for the errors."""
        running = running_settings(self.home)
        return load_settings(section, settings_type, self.flags.settings, os.environ, self.flags.set, running)


def add_common_flags(flags: argparse.ArgumentParser) -> None:
    """Add the flags that every process has."""
    flags.add_argument("--home", type=Path, default=None, help="state folder (default: R2R_HOME or ./.r2r)")
    flags.add_argument("--settings", type=Path, default=None, help="a TOML file; `r2r init` writes one")
    flags.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="one setting")


def home_of(flags: argparse.Namespace) -> Home:
    """Return the home that the flags name, or the environment."""
    return home_from_environment(os.environ) if flags.home is None else Home(flags.home.absolute())


def open_log(file: Path) -> logging.Handler:
    """Return a handler that appends to ``file``; its folder is made.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return handler


def run_in_shell(title: str, body: Callable[[], int], keep: Callable[[Exception], str]) -> int:
    """Return the exit code of ``body``; where it raises, write one sentence on stderr and return 1.

    Parameters
    ----------
    title
        What the sentence begins with.
    keep
        Logs the error where that is of use; returns the sentence's end, which says where, or nothing.
    """
    try:
        return body()
    except Exception as error:  # the last line of defence
        told = str(error) if isinstance(error, R2RError) else f"unexpected {type(error).__name__}: {error}"
        sys.stderr.write(f"{title}: {told}{keep(error)}\n")
        return 1


def run_tool_in_shell(title: str, body: Callable[[], int], log_file: Path) -> int:
    """Run a person's tool as `run_in_shell`; return 130 where it is interrupted, 0 where its reader has seen enough.

    Parameters
    ----------
    log_file
        Takes the trace of what nobody expected, if it can be written; a tool that goes well leaves none behind.
    """

    def run() -> int:
        try:
            return body()
        except BrokenPipeError:  # the reader, `head` for one, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except KeyboardInterrupt:
            return _INTERRUPTED

    return run_in_shell(title, run, functools.partial(_keep, title, log_file))


def _keep(title: str, log_file: Path, error: Exception) -> str:
    """Write the trace of what nobody expected into a log, if that can be opened; return where, for the sentence."""
    if isinstance(error, R2RError):
        return ""
    try:
        handler = open_log(log_file)
    except OSError:
        return ""
    logger = logging.getLogger(title)
    logger.addHandler(handler)
    logger.error("stopped", exc_info=error)
    logger.removeHandler(handler)
    handler.close()
    return f" (log: {log_file})"
