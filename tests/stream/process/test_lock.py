import os
import signal
import subprocess
import sys

import pytest

from stream.process.errors import LearnerFenced
from stream.process.lock import ProcessLock
from tests.wait import PATIENCE_SECONDS

HOLDER = """import sys
from pathlib import Path
from stream.process.errors import R2RError
from stream.process.lock import ProcessLock
try:
    with ProcessLock(Path(sys.argv[1]), lambda holder: R2RError(holder)):
        print("held", flush=True)
        sys.stdin.read()
except R2RError:
    print("refused", flush=True)
"""
CONTENDERS = 4


def lock(path):
    return ProcessLock(path, lambda holder: LearnerFenced(f"process {holder} holds it"))


def holder(path):
    command = [sys.executable, "-c", HOLDER, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_second_holder_is_refused_with_the_first_ones_process(tmp_path):
    path = tmp_path / "m" / "LOCK"
    with lock(path), pytest.raises(LearnerFenced, match=f"process {os.getpid()} holds it"):
        lock(path)


def test_a_refused_holder_leaves_the_first_ones_lock_in_place(tmp_path):
    path = tmp_path / "LOCK"
    with lock(path):
        for _ in range(2):
            with pytest.raises(LearnerFenced, match=f"process {os.getpid()}"):
                lock(path)


def test_it_is_free_again_once_the_block_has_ended(tmp_path):
    path = tmp_path / "LOCK"
    for _ in range(2):
        with lock(path):
            pass


def test_of_several_processes_that_take_the_same_file_one_holds_it(tmp_path):
    contenders = [holder(tmp_path / "LOCK") for _ in range(CONTENDERS)]
    try:
        said = sorted(contender.stdout.readline().strip() for contender in contenders)
    finally:
        for contender in contenders:
            contender.communicate(timeout=PATIENCE_SECONDS)
    assert said == ["held"] + ["refused"] * (CONTENDERS - 1)


def test_it_is_freed_when_the_holder_is_killed(tmp_path):
    path = tmp_path / "LOCK"
    with holder(path) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LearnerFenced, match=f"process {process.pid}"):
            lock(path)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
        with lock(path):
            pass
