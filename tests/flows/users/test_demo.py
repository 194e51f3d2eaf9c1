"""The demo leaves nothing behind, also when it is broken off. Its whole run is `make demo`."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from stream.process.home import Home, read_run_file
from tests.wait import PATIENCE_SECONDS, wait_until

ROLES = {"feed", "learner-digits", "replay-digits", "learner-digits-no-recall", "server", "evaluator"}


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def descendants(pid: int) -> set[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in children}.union(*(descendants(int(child)) for child in children))


def test_a_second_demo_in_the_same_home_is_refused_and_harms_nothing(tmp_path):
    home = Home(tmp_path / "demo")
    home.root.mkdir()
    home.run_file.write_text(json.dumps({"server": {"pid": os.getpid(), "address": ""}}))
    command = [sys.executable, "-m", "deploy.demo.service", "--home", str(tmp_path)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert second.returncode == 1
    assert f"another demo is running in {home.root}; wait for it or choose another --home" in second.stderr
    assert read_run_file(home)["server"]["pid"] == os.getpid()


def test_ctrl_c_while_kafka_starts_starts_no_role(tmp_path):
    home = Home(tmp_path / "demo")
    command = [sys.executable, "-m", "deploy.demo.service", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        wait_until(lambda: home.kafka.exists() or demo.poll() is not None, what="Kafka's start")
        processes = descendants(demo.pid)
        demo.send_signal(signal.SIGINT)
        _, told = demo.communicate(timeout=PATIENCE_SECONDS)
    assert demo.returncode == 1
    assert "nothing is left running" in told
    assert not home.logs.exists()
    wait_until(lambda: not any(is_alive(pid) for pid in processes), what="the end of all processes")


def test_ctrl_c_ends_the_demo_with_one_sentence_and_no_process_and_no_port(tmp_path):
    home = Home(tmp_path / "demo")
    command = [sys.executable, "-m", "deploy.demo.service", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        wait_until(lambda: read_run_file(home).keys() >= ROLES or demo.poll() is not None, what="the roles' start")
        processes = descendants(demo.pid)
        addresses = [str(role["address"]) for role in read_run_file(home).values() if role["address"]]
        demo.send_signal(signal.SIGINT)
        _, told = demo.communicate(timeout=PATIENCE_SECONDS)
    assert demo.returncode == 1
    assert told.count("\n") == 1
    assert "nothing is left running" in told
    assert len(processes) >= len(ROLES) + 1, "Kafka and the roles"
    wait_until(lambda: not any(is_alive(pid) for pid in processes), what="the end of all processes")
    for address in addresses:
        port = int(address.rsplit(":", 1)[1])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    assert not os.path.exists(home.run_file)
