import os
import signal
import subprocess
import sys

import pytest

from stream.process.errors import LearnerFenced
from stream.process.lock import Exclusive
from tests.wait import PATIENCE_SECONDS

HOLDER = "import sys; from pathlib import Path; from stream.process.lock import Exclusive\n"
HOLDER += "with Exclusive(Path(sys.argv[1]), 'm'): print('held', flush=True); sys.stdin.read()"


def test_a_second_holder_is_refused_with_the_first_ones_process(tmp_path):
    path = tmp_path / "m" / "LOCK"
    with (
        Exclusive(path, "m"),
        pytest.raises(LearnerFenced, match=rf"model 'm' is running already \(process {os.getpid()}\); stop it first"),
    ):
        Exclusive(path, "m")


def test_a_refused_holder_leaves_the_first_ones_lock_in_place(tmp_path):
    path = tmp_path / "LOCK"
    with Exclusive(path, "m"):
        for _ in range(2):
            with pytest.raises(LearnerFenced, match=f"process {os.getpid()}"):
                Exclusive(path, "m")


def test_it_is_free_again_once_the_block_has_ended(tmp_path):
    path = tmp_path / "LOCK"
    for _ in range(2):
        with Exclusive(path, "m"), pytest.raises(LearnerFenced):
            Exclusive(path, "m")


def test_models_do_not_exclude_each_other(tmp_path):
    with Exclusive(tmp_path / "a" / "LOCK", "a"), Exclusive(tmp_path / "b" / "LOCK", "b"):
        pass


def test_it_is_freed_when_the_holder_is_killed(tmp_path):
    path = tmp_path / "LOCK"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LearnerFenced, match=f"process {holder.pid}"):
            Exclusive(path, "m")
        holder.send_signal(signal.SIGKILL)
        holder.wait(PATIENCE_SECONDS)
        with Exclusive(path, "m"):
            pass
