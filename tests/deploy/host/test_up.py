"""What `r2r up` refuses before it starts anything, and what it would start."""

import argparse
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.cli.all_settings import read_all_settings
from deploy.host.errors import SystemRunning
from deploy.host.up import role_commands, the_only_system
from deploy.settings import DeploySettings
from stream.process.errors import InvalidSetting
from stream.process.home import Home
from stream.process.role import Role
from tests.wait import PATIENCE_SECONDS


def up(home: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.host.up", "--model", "m", "--home", str(home), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)


def role(home: Path) -> Role:
    flags = argparse.Namespace(model="m", set=["learner.seed=3"], settings=None)
    return Role("up", flags, Home(home), threading.Event(), home / "log")


@pytest.mark.parametrize("setting", ["learner.epoch=3", "stream.frame_partitions=0", "deploy.prot=1"])
def test_a_mistake_in_any_section_is_found(setting: str) -> None:
    with pytest.raises(InvalidSetting):
        read_all_settings(None, [setting])


def test_a_setting_outside_of_a_section_is_reported(tmp_path: Path) -> None:
    (tmp_path / "r2r.toml").write_text("port = 8080\n")
    with pytest.raises(InvalidSetting, match="'port' stands outside of a section"):
        read_all_settings(tmp_path / "r2r.toml", [])


def test_a_mistake_is_reported_before_anything_is_started(tmp_path: Path) -> None:
    done = up(tmp_path, "--set", "learner.epoch=3")
    assert (done.returncode, done.stderr.count("\n"), done.stderr.count("(log: ")) == (1, 1, 1)
    assert not (tmp_path / "kafka").exists()
    assert not (tmp_path / "run.json").exists()


def test_a_taken_port_is_reported_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = up(tmp_path, "--set", f"deploy.port={port}")
    assert done.returncode == 1
    assert f"another program listens on {port} (server)" in done.stderr
    assert not (tmp_path / "kafka").exists()


def test_a_second_one_in_the_same_home_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    told = rf"running in {home.root} already \(process {os.getpid()}\); stop it"
    with the_only_system(home), pytest.raises(SystemRunning, match=told):
        the_only_system(home)
    with the_only_system(home):
        pass


def test_every_role_has_the_flags_and_a_port_of_its_own(tmp_path: Path) -> None:
    serving = DeploySettings(port=9000, first_metrics_port=9100, replay_workers=2)
    commands = role_commands(role(tmp_path), serving)
    workers = ["replay-0", "replay-1"]
    assert [command.name for command in commands] == ["server", "learner", "publisher", "evaluator", *workers]
    assert all("learner.seed=3" in command.arguments for command in commands)
    addresses = [command.address for command in commands]
    assert addresses == [f"http://127.0.0.1:{port}" for port in (9000, *range(9100, 9100 + len(commands) - 1))]
    assert [command.name for command in commands if command.spare] == workers


def test_without_workers_and_from_everywhere_the_server_is_asked_on_this_machine(tmp_path: Path) -> None:
    commands = role_commands(role(tmp_path), DeploySettings(host="::", port=9000, replay_workers=0))
    assert (len(commands), commands[0].address) == (4, "http://127.0.0.1:9000")
    assert role_commands(role(tmp_path), DeploySettings(host="::1"))[0].address == "http://[::1]:8080"


def test_metrics_ports_beyond_the_last_are_refused() -> None:
    assert DeploySettings(first_metrics_port=65533, replay_workers=0).first_metrics_port == 65533
    with pytest.raises(ValidationError, match="must not exceed 65535"):
        DeploySettings(first_metrics_port=65533, replay_workers=1)
