"""Run a command that ends when its parent does: ``python dies_with_parent.py PARENT_PID COMMAND…``.

Linux sends the command SIGTERM when the thread that started it ends, however it ends; the setting survives ``exec``.
Elsewhere there is no such thing, and a parent that is killed leaves its child behind. A script of its own because
code between fork and exec is not safe in a process with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
