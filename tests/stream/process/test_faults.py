import signal
import subprocess
import sys

import pytest

from stream.process.errors import InvalidSetting
from stream.process.faults import Faults

PROGRAM = """import sys
from stream.process.faults import Faults
class Role(Faults):
    points = ("half", "whole")
faults = Role.parse(sys.argv[1])
for visit in (1, 2, 3):
    print(visit, flush=True)
    faults.reached("half")
    faults.reached("whole")
"""


class Role(Faults):
    points = ("half", "whole")
    bugs = ("early",)


def test_without_the_variable_every_point_is_passed_and_no_mistake_is_planted():
    faults = Role.parse("")
    for point in Role.points:
        faults.reached(point)
    assert not faults.has("early")


def test_the_process_is_killed_at_the_named_visit_of_the_named_point():
    found = subprocess.run([sys.executable, "-c", PROGRAM, "kill=whole@2"], capture_output=True, check=False)
    assert found.returncode == -signal.SIGKILL
    assert found.stdout.split() == [b"1", b"2"]


def test_a_mistake_and_a_death_can_be_asked_for_together():
    faults = Role.parse("bug=early,kill=half@9")
    assert faults.has("early")
    faults.reached("half")


@pytest.mark.parametrize("text", ["kill=nowhere@1", "kill=half@0", "kill=half", "bug=late", "bug=", "early", "help=me"])
def test_what_is_mistyped_is_refused_with_what_there_is(text):
    with pytest.raises(InvalidSetting, match=r"kill=<half\|whole>@<n> and bug=early"):
        Role.parse(text)


def test_a_role_without_faults_takes_none():
    with pytest.raises(InvalidSetting):
        Faults.parse("kill=half@1")
