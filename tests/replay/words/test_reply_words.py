import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.words.chat_reply import ChatReply, Tokens, read_reply
from replay.words.errors import VocabularyRefused
from replay.words.reply_words import MOST_READ_WORDS, words_in
from replay.words.safe_text import safe_prompt, safe_word
from tests.replay.words.chat_server import LISTED, events

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
LISTING = st.fixed_dictionaries(
    {"words": st.lists(st.text(max_size=30) | JSON, max_size=8)}, optional={"prompts": JSON}
)
CHUNKS = st.fixed_dictionaries(
    {}, optional={"choices": JSON | st.lists(st.fixed_dictionaries({"delta": JSON})), "usage": JSON, "error": JSON}
)


def check(reply):
    """A vocabulary is safe, and a refusal tells nothing of the text."""
    told, words, prompts = "", (), ()
    try:
        found = words_in(reply).vocabulary
        words, prompts = found.words, found.prompts
    except VocabularyRefused as error:
        told = str(error)
    assert told.isascii()
    assert [safe_word(word) for word in words] == list(words)
    assert [safe_prompt(prompt) for prompt in prompts] == list(prompts)


@given(st.text(max_size=200), st.text(max_size=100), st.sampled_from(["stop", "length", "", "tool_calls"]))
def test_any_text_is_a_vocabulary_or_refused(text, reasoning, finish):
    check(ChatReply(text, reasoning, finish))


@given(LISTING, st.text(max_size=20), st.booleans())
def test_any_listing_is_a_safe_vocabulary_or_refused(listing, around, escaped):
    check(ChatReply(around + json.dumps(listing, ensure_ascii=escaped) + around, "", "stop"))


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read(body):
    check(read_reply(body))


@given(st.lists(CHUNKS, max_size=4))
def test_any_events_are_read(chunks):
    reply = read_reply(b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks))
    assert isinstance(reply.text, str)
    assert min(reply.tokens.prompt, reply.tokens.reasoning, reply.tokens.answer) >= 0
    check(reply)


@pytest.mark.parametrize(
    "usage", [None, [], {}, {"prompt_tokens": -1, "completion_tokens": True}, {"prompt_tokens": 1e9}]
)
def test_what_is_no_count_of_tokens_is_none(usage):
    assert read_reply(json.dumps({"usage": usage}).encode()).tokens == Tokens()


def test_usage_that_comes_with_each_event_is_counted_once():
    lines = [json.dumps({"usage": {"prompt_tokens": 9, "completion_tokens": n}}) for n in range(5)]
    assert read_reply("".join(f"data: {line}\n\n" for line in lines).encode()).tokens == Tokens(9, 0, 4)


@pytest.mark.parametrize("place", range(0, len(events({"content": LISTED})) - len(b"data: [DONE]\n\n"), 7))
def test_a_stream_that_is_cut_anywhere_gives_all_words_or_none(place):
    reply = read_reply(events({"reasoning_content": "hm"}, {"content": LISTED})[:place])
    try:
        assert words_in(reply).vocabulary.words == ("cat", "dog", "red fox")
    except VocabularyRefused:
        assert reply.finish == ""


def test_more_words_than_are_read_are_left_out():
    listed = json.dumps({"words": [f"class {n}" for n in range(1000)]})
    assert len(words_in(ChatReply(listed, "", "stop")).vocabulary.words) == MOST_READ_WORDS


@pytest.mark.parametrize("text", ['{"a":' * 200_000, "{" * 10**6, '{"' * 500_000, "</think>" * 100_000, "[" * 10**6])
def test_a_hostile_text_takes_no_more_than_seconds(text):
    started = time.monotonic()
    with pytest.raises(VocabularyRefused, match="holds no JSON object"):
        words_in(ChatReply(text, text, "stop"))
    assert time.monotonic() - started < 20
