"""`r2r` itself: every command leads somewhere, and wrong use is an error."""

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from deploy.cli.command_line import app
from tests.architecture.tree import ROOT
from tests.wait import PATIENCE_SECONDS

GROUPS = ("Start here", "Ask a running system", "Change a running system", "One role at a time")


def r2r(*argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli.command_line", *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=PATIENCE_SECONDS)


def test_the_version_and_the_help_are_reported() -> None:
    assert re.fullmatch(r"r2r \d+\.\d+\.\d+\S*\n", r2r("--version").stdout)
    output = r2r("--help")
    assert output.returncode == 0
    assert [output.stdout.index(group) for group in GROUPS] == sorted(output.stdout.index(group) for group in GROUPS)


def test_an_unknown_command_ends_with_2() -> None:
    assert r2r("explode").returncode == 2


def test_a_commands_own_help_bears_its_name() -> None:
    assert "usage: r2r status" in r2r("status", "--help").stdout


def modules() -> dict[str, str]:
    """Return the module of each command, from the function that runs it."""
    found = {}
    for command in app.registered_commands:
        cells = dict(zip(command.callback.__code__.co_freevars, command.callback.__closure__, strict=True))
        found[cells["name"].cell_contents] = cells["module"].cell_contents
    return found


@pytest.mark.parametrize(("command", "module"), modules().items())
def test_every_command_has_its_module(command: str, module: str) -> None:
    assert find_spec(module) is not None, command


def test_the_doctor_tells_of_a_device_that_is_not_there_and_goes_on() -> None:
    output = r2r("doctor", "--set", "replay.labeller=digits", "--set", "replay.device=cuda:99").stdout
    assert "weights" in output
    assert "use 'auto' or 'cpu', or add one" in output
