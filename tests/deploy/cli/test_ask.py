"""`r2r ask`: files and folders, by what they hold and not by their names."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deploy.cli.ask import DEFAULT_SERVER, images_in, main, server_of
from deploy.cli.errors import SystemMissing
from deploy.registry.versions import Registry
from stream.image_codec import encode_jpeg, encode_png
from stream.process.home import Home
from stream.process.ports import free_port
from tests.deploy.published import publish
from tests.deploy.server_process import ServerProcess

PIXELS = np.zeros((8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return host:port of a server of one model."""
    home = tmp_path_factory.mktemp("served")
    publish(Registry(str(home / "registry")), "cats", 3)
    with ServerProcess(home) as process:
        yield process.address.removeprefix("http://")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/b.jpg").write_bytes(encode_png(PIXELS))
    (tmp_path / "pictures/a.PNG").write_bytes(encode_jpeg(PIXELS, quality=90))
    (tmp_path / "pictures/notes.txt").write_text("no image")
    return tmp_path / "pictures"


def test_a_file_a_folder_and_json(
    server: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--server", server, "--home", str(tmp_path)]
    assert main([str(folder / "b.jpg"), *flags]) == 0
    assert capsys.readouterr().out.startswith("cats version 3: v3-")
    assert main([str(folder), *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": v3-")[0] for line in lines] == [str(folder / name) for name in ("a.PNG", "b.jpg")]
    assert main([str(folder), *flags, "--json", "--version", "3"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [(answer["model"], answer["version"], len(answer["top_names"])) for answer in answers] == [
        ("cats", 3, 5)
    ] * 2


def test_what_is_no_image_is_reported_and_the_others_are_answered(
    server: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [str(folder / "notes.txt"), str(folder / "none.png"), str(folder / "b.jpg")]
    assert main([*images, "--server", server, "--home", str(tmp_path)]) == 1
    output = capsys.readouterr()
    assert output.out.count("\n") == 1
    assert "which is no JPEG, PNG or WebP" in output.err
    assert "none.png cannot be read (No such file or directory)" in output.err


def test_a_model_that_is_not_served_is_one_sentence_for_a_whole_folder(
    server: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), "--server", server, "--home", str(tmp_path), "--model", "dogs"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_server_that_is_away_is_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), "--server", f"127.0.0.1:{free_port()}", "--home", str(tmp_path)]) == 1
    output = capsys.readouterr().err
    assert output.count("\n") == 1
    assert "does not answer" in output


def test_the_server_of_the_running_system_is_asked_unless_there_is_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert server_of(home) == DEFAULT_SERVER
    home.run_file.write_text(json.dumps({"learner": {"pid": 1, "address": "http://127.0.0.1:9101"}}))
    assert server_of(home) == DEFAULT_SERVER
    home.run_file.write_text(json.dumps({"server": {"pid": 1, "address": "http://127.0.0.1:8123"}}))
    assert server_of(home) == "http://127.0.0.1:8123"


def test_a_folder_without_images_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SystemMissing, match="has 0 JPEG, PNG and WebP files"):
        list(images_in([tmp_path]))
