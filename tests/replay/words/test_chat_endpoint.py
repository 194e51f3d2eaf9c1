import logging
import time
from collections import Counter

import pytest

from replay.errors import EndpointUnavailable, VocabularyRefused
from replay.words.chat_endpoint import MOST_BODY_BYTES, ChatEndpoint
from replay.words.vocabulary import TEMPLATE_PROMPTS
from stream.process.errors import InvalidSetting
from stream.process.ports import free_port
from tests.replay.words.chat_server import (
    LISTED,
    WORDS,
    broken_off,
    chat_server,
    dripping,
    dripping_headers,
    endless,
    left_open,
    status,
    streamed,
    whole,
    whole_broken_off,
)
from tests.wait import PATIENCE_SECONDS

SOONER_THAN_THE_SERVER = 50  # a slow server takes a minute
KEY = "sk-very-secret-0123456789"
DRAFT = '{"words": ["draft one", "draft two"]}'
GOOD = streamed({"content": LISTED})


def suggest(url, seconds=PATIENCE_SECONDS, tries=3, description="pets at a door"):
    return ChatEndpoint(url, "deepseek-reasoner", KEY, seconds, tries).suggest(description)


def refusal(*answers, **around):
    with chat_server(*answers) as server, pytest.raises(EndpointUnavailable) as caught:
        suggest(server.url, **around)
    assert str(caught.value).endswith("; mend it, or name a words file in replay.words_file")
    assert KEY not in str(caught.value)
    return caught.value, server


@pytest.mark.parametrize(
    "answer",
    [
        streamed({"content": LISTED[:20]}, {"content": LISTED[20:]}),
        streamed({"reasoning_content": DRAFT, "content": None}, {"content": LISTED}),
        streamed({"reasoning": DRAFT}, {"content": LISTED}),
        streamed({"content": f"<think>\nperhaps {DRAFT}"}, {"content": f"</think>\n\n{LISTED}"}),
        streamed({"content": f"perhaps {DRAFT}</think>{LISTED}"}),
        streamed({"content": f"Here you are:\n```json\n{LISTED}\n```\nMore {{words}}?"}),
        streamed({"content": f'{{"result": {LISTED}}}'}),
        streamed({"reasoning": f"so it is {LISTED}"}, {"content": "  \n"}),
        whole(content=LISTED, reasoning_content=DRAFT),
        whole(content=f"<think>{DRAFT}</think>{LISTED}"),
        left_open,
    ],
)
def test_words_are_found_in_every_shape_of_reply(answer):
    with chat_server(answer) as server:
        started = time.monotonic()
        vocabulary, tokens = suggest(server.url)
    assert vocabulary.words == tuple(WORDS["words"])
    assert vocabulary.prompts == tuple(WORDS["prompts"])
    assert tokens == Counter(prompt=100, reasoning=30, answer=20)
    assert len(server.requests) == 1
    assert time.monotonic() - started < SOONER_THAN_THE_SERVER


@pytest.mark.parametrize(
    "answer",
    [
        streamed({"content": " \n" * 500}, finish="length"),
        streamed({"content": "   "}),
        streamed({"content": ""}),
        streamed({}),
        streamed({"reasoning_content": DRAFT}, {"content": LISTED[:-5]}, finish="length"),
        streamed({"content": f"<think>{DRAFT}"}, finish="length"),
        streamed({"content": f"for example {DRAFT}, and so"}, finish=None),
        streamed({"content": "I would rather not."}),
        streamed({"content": '{"words": "cat, dog"}'}),
        streamed({"content": '{"words": ["cat", 7, null, "<b>dog</b>"]}'}),
        streamed({"content": "[" * 50_000}),
        whole(content=None),
        broken_off,
        whole_broken_off,
        status(500),
        status(503, b"x" * 100_000),
    ],
)
def test_a_reply_without_words_is_asked_for_again(answer):
    with chat_server(answer, GOOD) as server:
        vocabulary, _ = suggest(server.url)
    assert vocabulary.words == tuple(WORDS["words"])
    assert len(server.requests) == 2


def test_an_endpoint_that_is_busy_is_left_alone_for_as_long_as_it_asks():
    started = time.monotonic()
    with chat_server(status(429, Retry_After="2"), GOOD) as server:
        suggest(server.url)
    assert len(server.requests) == 2
    assert time.monotonic() - started >= 2


@pytest.mark.parametrize("wait", ["-5", "nan", "soon"])
def test_a_wait_that_is_no_number_of_seconds_is_the_usual_one(wait):
    started = time.monotonic()
    with chat_server(status(429, Retry_After=wait), GOOD) as server:
        suggest(server.url)
    assert len(server.requests) == 2
    assert time.monotonic() - started < SOONER_THAN_THE_SERVER


@pytest.mark.parametrize("wait", ["600", "1e9", "9" * 400])
def test_a_wait_of_more_than_two_minutes_is_not_begun(wait):
    error, server = refusal(status(429, Retry_After=wait))
    assert (error.reason, len(server.requests)) == ("busy", 1)
    assert "answered 429" in str(error)


def test_a_wait_ends_with_the_deadline():
    started = time.monotonic()
    error, server = refusal(status(429, Retry_After="60"), seconds=3)
    assert (error.reason, len(server.requests)) == ("late", 1)
    assert time.monotonic() - started < SOONER_THAN_THE_SERVER


def test_refused_requests_and_replies_without_words_share_the_tries():
    error, server = refusal(status(500), streamed({"content": "no"}), GOOD, tries=2)
    assert (error.reason, len(server.requests)) == ("unusable", 2)


def test_the_tries_are_counted_and_what_they_cost_too():
    error, server = refusal(streamed({"content": "no"}), tries=2)
    assert len(server.requests) == 2
    assert (error.reason, error.tokens) == ("unusable", Counter(prompt=200, reasoning=60, answer=40))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(400, "answered 400"), (401, "the key is"), (402, "balance"), (404, "name is wrong"), (307, "a redirect")],
)
def test_what_another_try_would_not_mend_is_not_tried_again(number, expected):
    error, server = refusal(status(number, Location="/elsewhere"))
    assert error.reason == "refused"
    assert expected in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("slow", [dripping, dripping_headers])
def test_an_answer_that_drips_is_given_up_when_the_time_is_over(slow):
    started = time.monotonic()
    error, server = refusal(slow, seconds=0.6)
    assert error.reason == "late"
    assert time.monotonic() - started < SOONER_THAN_THE_SERVER
    assert len(server.requests) <= 1


def test_a_stop_ends_the_wait_for_an_answer():
    with chat_server(dripping_headers) as server:
        stopped = iter([False, True])
        endpoint = ChatEndpoint(server.url, "r1", KEY, PATIENCE_SECONDS, stopped=lambda: next(stopped))
        started = time.monotonic()
        with pytest.raises(EndpointUnavailable, match="is to stop") as caught:
            endpoint.suggest("pets at a door")
    assert (caught.value.reason, time.monotonic() - started < SOONER_THAN_THE_SERVER) == ("stopped", True)


def test_no_header_from_the_environment_is_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-mine")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Token: another secret")
    with chat_server(GOOD) as server:
        suggest(server.url)
    ((_, headers, _),) = server.requests
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not [name for name in headers if name.startswith(("openai", "x-token"))]


def test_an_endless_answer_is_cut_at_its_cap():
    error, _ = refusal(endless, tries=1, seconds=60.0)
    assert error.reason == "unusable"
    assert MOST_BODY_BYTES < 64 * 1024**2


def test_an_absent_endpoint_is_an_error_with_the_remedy():
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(EndpointUnavailable, match=r"cannot be reached .*; mend it, or name a words file") as caught:
        suggest(url)
    assert caught.value.reason == "unreachable"


def test_neither_the_key_nor_the_models_text_reaches_a_log_or_an_error(caplog):
    caplog.set_level(logging.DEBUG)
    evil = f"\u202e<script>{KEY}\n2026 ERROR all is lost"
    echoes = [status(500, KEY.encode()), streamed({"content": evil}), status(401, f"Incorrect key {KEY}".encode())]
    error, server = refusal(*echoes)
    assert server.requests[0][1]["authorization"] == f"Bearer {KEY}"
    assert error.__cause__ is None
    assert KEY not in caplog.text
    assert "script" not in caplog.text
    assert "all is lost" not in caplog.text
    assert KEY not in repr(ChatEndpoint("http://x/v1", "m", KEY))


def test_what_is_sent_is_the_question_and_no_json_mode():
    with chat_server(GOOD) as server:
        suggest(server.url, description="birds at a feeder, mostly in winter")
    path, _, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert set(body) == {"model", "messages", "max_tokens", "stream", "stream_options"}
    (message,) = body["messages"]
    assert message["role"] == "user"
    assert "birds at a feeder, mostly in winter" in message["content"]


def test_words_that_may_not_be_used_are_dropped_and_counted(caplog):
    listed = (
        '{"words": ["cat", "dog", "Cat", "nude", "a\\u202eb", "x{}y", "unknown", 5], "prompts": ["{} {}", "nothing"]}'
    )
    with chat_server(streamed({"content": listed})) as server:
        vocabulary, _ = suggest(server.url)
    assert vocabulary.words == ("cat", "dog")
    assert vocabulary.prompts == TEMPLATE_PROMPTS
    assert "7 of the chat endpoint's words and prompts may not be used" in caplog.text


@pytest.mark.parametrize("description", ["", " \n\t ", "x" * 2001])
def test_an_empty_or_too_long_description_is_not_sent(description):
    with pytest.raises(VocabularyRefused, match="must have 1 to 2000; say in a sentence"):
        suggest("http://127.0.0.1:9/v1", description=description)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.deepseek.com",
        "ftp://x/v1",
        "http://",
        "http://u:p@x/v1",
        "http://x/v1?key=s",
        "http://x:y/v1",
        "http://256.256.256.256/v1",
    ],
)
def test_an_address_that_cannot_be_or_holds_a_secret_is_refused(url):
    with pytest.raises(InvalidSetting, match=r"replay\.chat_url must be"):
        ChatEndpoint(url, "m")


@pytest.mark.parametrize("key", ["se cret", "se\ncret", "ключ"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key):
    with pytest.raises(InvalidSetting) as caught:
        ChatEndpoint("http://x/v1", "m", key)
    assert key not in str(caught.value)
