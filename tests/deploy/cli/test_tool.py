"""The shell around tools: which system and model are meant, and how errors end."""

import json
import os
import sys
from pathlib import Path

import pytest

from deploy.cli.errors import SystemMissing
from deploy.cli.tool import Tool, add_model_flag, run_tool, tool_parser
from stream.process.errors import InvalidSetting
from stream.process.home import Home, running_settings


def tool(home: Path, *argv: str) -> Tool:
    flags = tool_parser("look", "Look.")
    add_model_flag(flags)
    return Tool("look", flags.parse_args(argv), Home(home))


def write_run_file(home: Path, pid: int) -> None:
    up = {"pid": pid, "address": "", "model": "cats", "bootstrap_servers": "127.0.0.1:7", "topic_prefix": "zoo"}
    (home / "run.json").write_text(json.dumps({"up": up}))


def ended_pid() -> int:
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
    os.waitpid(child, 0)
    return child


def test_the_running_system_tells_model_broker_and_prefix(tmp_path: Path) -> None:
    write_run_file(tmp_path, os.getpid())
    found = tool(tmp_path)
    assert (found.model, found.streaming.bootstrap_servers) == ("cats", "127.0.0.1:7")
    assert found.topics.events == "zoo.cats.events"


def test_a_flag_overrules_the_running_system(tmp_path: Path) -> None:
    write_run_file(tmp_path, os.getpid())
    found = tool(tmp_path, "--model", "dogs", "--set", "stream.topic_prefix=farm")
    assert found.topics.events == "farm.dogs.events"


def test_a_system_whose_supervisor_was_killed_tells_no_broker(tmp_path: Path) -> None:
    write_run_file(tmp_path, ended_pid())
    assert running_settings(Home(tmp_path)) == {}
    assert tool(tmp_path).streaming.bootstrap_servers == "127.0.0.1:19092"


def test_the_only_model_of_a_home_is_meant(tmp_path: Path) -> None:
    with pytest.raises(SystemMissing, match="has no model yet; make one with"):
        _ = tool(tmp_path).model
    (tmp_path / "checkpoints/cats").mkdir(parents=True)
    (tmp_path / "registry/live/cats").mkdir(parents=True)
    (tmp_path / "checkpoints/lost+found").mkdir()
    assert tool(tmp_path).model == "cats"
    (tmp_path / "registry/live/dogs").mkdir()
    with pytest.raises(SystemMissing, match="it has cats, dogs"):
        _ = tool(tmp_path).model


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="a model's name"):
        _ = tool(tmp_path, "--model", "../x").topics


def test_json_is_one_object_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = []
    tool(tmp_path, "--json").render({"a": 1}, lambda: output.append("shown"))
    assert json.loads(capsys.readouterr().out) == {"a": 1}
    tool(tmp_path).render({"a": 1}, lambda: output.append("shown"))
    assert (output, capsys.readouterr().out) == (["shown"], "")


def run(home: Path, error: BaseException) -> int:
    def body(_: Tool) -> int:
        raise error

    return run_tool("look", tool_parser("look", "Look."), body, ["--home", str(home)])


def test_an_error_is_one_sentence_and_leaves_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, SystemMissing("nothing runs; start it")) == 1
    assert capsys.readouterr().err == "r2r look: nothing runs; start it\n"
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_expected_is_a_sentence_and_its_trace_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, ZeroDivisionError("by zero")) == 1
    output, log = capsys.readouterr().err, tmp_path / "logs/tools.log"
    assert output == f"r2r look: unexpected ZeroDivisionError: by zero (log: {log})\n"
    assert "Traceback" in log.read_text()


def test_an_interrupted_tool_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == ""
