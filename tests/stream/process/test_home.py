import json
from pathlib import Path

import pytest

from stream.process.home import Home, home_from_environment, read_run_file, write_atomically


def test_the_home_is_named_by_the_environment_or_lies_in_the_working_folder(tmp_path):
    assert home_from_environment({"R2R_HOME": str(tmp_path)}).root == tmp_path
    assert home_from_environment({}).root == Path.cwd() / ".r2r"


def test_the_folders_lie_below_the_home(tmp_path):
    home = Home(tmp_path)
    folders = (home.kafka, home.checkpoints, home.registry, home.logs, home.run_file)
    assert [folder.name for folder in folders] == ["kafka", "checkpoints", "registry", "logs", "run.json"]
    assert {folder.parent for folder in folders} == {tmp_path}


def test_an_atomic_write_makes_its_folder_and_leaves_nothing_beside_the_file(tmp_path):
    file = tmp_path / "a" / "b.json"
    write_atomically(file, b"old")
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(file.parent.iterdir()) == [file]


def test_a_write_that_fails_leaves_the_old_content(tmp_path):
    file = tmp_path / "b.json"
    write_atomically(file, b"old")
    with pytest.raises(TypeError):
        write_atomically(file, 7)
    assert file.read_bytes() == b"old"


def test_the_run_file_is_empty_where_nothing_runs(tmp_path):
    assert read_run_file(Home(tmp_path)) == {}


def test_the_run_file_tells_addresses_and_processes(tmp_path):
    running = {"server": {"pid": 12, "address": "127.0.0.1:8000"}}
    write_atomically(Home(tmp_path).run_file, json.dumps(running).encode())
    assert read_run_file(Home(tmp_path)) == running
