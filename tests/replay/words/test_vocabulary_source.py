import json
from functools import partial

import pytest
from prometheus_client import REGISTRY

from replay.errors import EndpointUnavailable
from replay.metrics import observe_chat
from replay.words.chat_endpoint import ChatEndpoint
from replay.words.vocabulary import Vocabulary
from replay.words.vocabulary_source import VocabularyCache, VocabularySource
from stream.process.ports import free_port
from tests.replay.words.chat_server import LISTED, WORDS, chat_server, status, streamed

GOOD = streamed({"content": LISTED})
SUGGESTED = Vocabulary(tuple(WORDS["words"]), tuple(WORDS["prompts"]))


def source(folder, url, model="m", words_file=None, llm="r1"):
    endpoint = ChatEndpoint(url, llm, tries=1, seconds=10.0)
    return VocabularySource(partial(observe_chat, model), endpoint, VocabularyCache(folder), words_file)


def absent():
    return f"http://127.0.0.1:{free_port()}/v1"


def tokens(model, kind):
    return REGISTRY.get_sample_value("r2r_replay_llm_tokens_total", {"model": model, "kind": kind})


def test_the_same_question_is_paid_for_once(tmp_path):
    with chat_server(GOOD) as server:
        assert source(tmp_path, server.url, "paid").vocabulary("pets") == SUGGESTED
        assert source(tmp_path, server.url, "paid").vocabulary("pets") == SUGGESTED
        assert len(server.requests) == 1
        source(tmp_path, server.url, "paid").vocabulary("birds")
        source(tmp_path, server.url, "paid", llm="v3").vocabulary("pets")
        assert len(server.requests) == 3
    assert [tokens("paid", kind) for kind in ("prompt", "reasoning", "answer")] == [300, 90, 60]
    labels = {"model": "paid", "outcome": "answered"}
    assert REGISTRY.get_sample_value("r2r_replay_llm_requests_total", labels) == 3


def test_a_cached_vocabulary_needs_no_endpoint(tmp_path):
    VocabularyCache(tmp_path).save("pets", "r1", SUGGESTED)
    assert source(tmp_path, absent()).vocabulary("pets") == SUGGESTED


def test_without_an_endpoint_the_file_is_used_and_the_reason_logged(tmp_path, caplog):
    file = tmp_path / "words.txt"
    file.write_text("robin\nwren\n")
    with chat_server(status(401)) as server:
        found = source(tmp_path, server.url, "fallen", file).vocabulary("birds")
    assert found.words == ("robin", "wren")
    assert "answered 401: the key is missing or wrong" in caplog.text
    labels = {"model": "fallen", "outcome": "refused"}
    assert REGISTRY.get_sample_value("r2r_replay_llm_requests_total", labels) == 1


def test_the_file_is_not_kept_as_if_it_had_been_suggested(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("robin\nwren\n")
    source(tmp_path / "cache", absent(), words_file=file).vocabulary("birds")
    assert not (tmp_path / "cache").exists()


def test_without_endpoint_cache_and_file_the_error_names_the_remedy(tmp_path):
    with pytest.raises(EndpointUnavailable, match=r"cannot be reached .*name a words file in replay\.words_file"):
        source(tmp_path, absent()).vocabulary("birds")


def test_what_another_worker_has_kept_meanwhile_is_used(tmp_path):
    theirs = Vocabulary(("theirs", "too"))

    def answer(handler):
        VocabularyCache(tmp_path).save("pets", "r1", theirs)
        GOOD(handler)

    with chat_server(answer) as server:
        assert source(tmp_path, server.url).vocabulary("pets") == theirs


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"7",
        b"null",
        b'{"words": ["cat", "dog"]}',
        b'{"words": "cat", "prompts": "dog"}',
        b'{"words": ["cat", 5], "prompts": ["a {}"]}',
        b'{"words": ["cat", "<dog>"], "prompts": ["a {}"]}',
        b"[" * 100_000,
        b" " * 2**21,
    ],
)
def test_a_cached_file_that_is_not_ours_is_asked_for_again(tmp_path, content, caplog):
    cache = VocabularyCache(tmp_path)
    cache.save("pets", "r1", SUGGESTED)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    assert cache.load("pets", "r1") is None
    assert "is passed over" in caplog.text
    with chat_server(GOOD) as server:
        assert source(tmp_path, server.url).vocabulary("pets") == SUGGESTED
    assert json.loads(file.read_bytes())["words"] == WORDS["words"]


def test_nothing_but_the_finished_file_is_left(tmp_path):
    cache = VocabularyCache(tmp_path)
    for _ in range(3):
        cache.save("pets", "r1", SUGGESTED)
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
