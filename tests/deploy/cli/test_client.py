import numpy as np
import pytest

from deploy.cli.client import Client
from deploy.cli.errors import ImageRefused, ServerAnswer, ServerAway
from deploy.registry.versions import Registry
from stream.image_codec import encode_png
from stream.process.ports import free_port
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
        assert client.models() == ["cats"]
        with pytest.raises(ServerAnswer, match="dogs") as refused:
            client.ask("dogs", IMAGE, "image/png")
        assert not isinstance(refused.value, ImageRefused)
        with pytest.raises(ImageRefused, match="is damaged"):
            client.ask("cats", IMAGE[:40] + IMAGE[-12:], "image/png")


def test_a_server_that_is_away_is_reported_in_one_sentence():
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(ServerAway, match="r2r serve"):
        client.ask("cats", IMAGE, "image/png")
