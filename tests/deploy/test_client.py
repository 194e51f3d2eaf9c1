import json

import numpy as np
import pytest

from deploy.asking import DEFAULT_SERVER, ask_file, server_of
from deploy.client import Client
from deploy.errors import ServerAnswer
from deploy.registry.versions import Registry
from stream.home import Home
from stream.image_codec import encode_png
from tests.conftest import free_port
from tests.deploy.published import publish
from tests.deploy.server_process import ServerProcess

IMAGE = encode_png(np.zeros((8, 8, 3), np.uint8))


def test_an_answer_has_a_name_a_version_and_five_classes(tmp_path):
    publish(Registry(str(tmp_path / "registry")), "cats", 3)
    with ServerProcess(tmp_path) as server, Client(server.address) as client:
        server.wait_until_serving("cats", 3)
        answer = client.ask("cats", IMAGE, "image/png")
        assert answer.version == 3
        assert answer.name == answer.top_names[0]
        assert len(answer.top_names) == len(answer.top_probabilities) == 5
        assert [a.name for a in client.ask_all("cats", [IMAGE] * 9, "image/png", None)] == [answer.name] * 9
        with pytest.raises(ServerAnswer, match="dogs"):
            client.ask("dogs", IMAGE, "image/png")


def test_a_server_that_is_away_is_told_in_one_sentence(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(IMAGE)
    assert ask_file(tmp_path / "a.png", "cats", f"http://127.0.0.1:{free_port()}", None) == 1
    assert "r2r serve" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told_in_one_sentence(tmp_path, capsys):
    assert ask_file(tmp_path / "none.png", "cats", "http://127.0.0.1:1", None) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_the_server_of_the_running_system_is_asked_unless_there_is_none(tmp_path):
    home = Home(tmp_path)
    assert server_of(home) == DEFAULT_SERVER
    home.run_file.write_text(json.dumps({"learner": {"pid": 1, "address": "http://127.0.0.1:9101"}}))
    assert server_of(home) == DEFAULT_SERVER
    home.run_file.write_text(json.dumps({"server": {"pid": 1, "address": "http://127.0.0.1:8123"}}))
    assert server_of(home) == "http://127.0.0.1:8123"
