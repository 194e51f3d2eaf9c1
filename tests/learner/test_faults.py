import signal
import subprocess
import sys

import pytest

from learner.faults import POINTS, Faults
from stream.process.errors import InvalidSetting

PROGRAM = "import sys; from learner.faults import Faults; faults = Faults.parse(sys.argv[1])\n"
PROGRAM += "for n in (1, 2, 3): print(n, flush=True); [faults.reached(p) for p in ('update_executed', 'announced')]"


def test_without_the_variable_every_point_is_passed():
    faults = Faults.parse("")
    for point in POINTS:
        faults.reached(point)
    assert not faults.commit_before_rename


def test_the_process_is_killed_at_the_named_visit_of_the_named_point():
    found = subprocess.run([sys.executable, "-c", PROGRAM, "kill=update_executed@2"], capture_output=True, check=False)
    assert found.returncode == -signal.SIGKILL
    assert found.stdout.split() == [b"1", b"2"]


def test_both_faults_can_be_asked_for():
    faults = Faults.parse("bug=commit_before_rename,kill=announced@9")
    assert faults.commit_before_rename
    faults.reached("announced")


@pytest.mark.parametrize(
    "text", ["kill=nowhere@1", "kill=announced@often", "kill=announced@0", "bug=unknown", "kill", "help=me"]
)
def test_what_is_mistyped_is_refused_rather_than_ignored(text):
    with pytest.raises(InvalidSetting, match="R2R_TEST_FAULTS"):
        Faults.parse(text)
