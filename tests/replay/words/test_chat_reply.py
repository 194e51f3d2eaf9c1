import asyncio
import json
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.errors import VocabularyRefused
from replay.words.chat_reply import MOST_READ_WORDS, ChatReply, read_reply, vocabulary_in
from replay.words.safe_text import safe_prompt, safe_word
from tests.replay.words.chat_server import LISTED, USAGE

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


def reply_of(documents):
    async def given():
        for document in documents:
            yield document

    return asyncio.run(read_reply(given()))


def check(reply):
    """A vocabulary is safe, and a refusal tells nothing of the text."""
    message, words, prompts = "", (), ()
    try:
        vocabulary, _ = vocabulary_in(reply)
        words, prompts = vocabulary.words, vocabulary.prompts
    except VocabularyRefused as error:
        message = str(error)
    assert message.isascii()
    assert [safe_word(word) for word in words] == list(words)
    assert [safe_prompt(prompt) for prompt in prompts] == list(prompts)


@given(st.text(max_size=200), st.text(max_size=100), st.sampled_from(["stop", "length", "", "tool_calls"]))
def test_any_text_is_a_vocabulary_or_refused(text, reasoning, finish):
    check(ChatReply(text, reasoning, finish))


@given(LISTING, st.text(max_size=20), st.booleans())
def test_any_listing_is_a_safe_vocabulary_or_refused(listing, around, escaped):
    check(ChatReply(around + json.dumps(listing, ensure_ascii=escaped) + around, "", "stop"))


@given(st.lists(CHUNKS | JSON, max_size=4))
def test_any_documents_are_read(documents):
    reply = reply_of(documents)
    assert isinstance(reply.text, str)
    assert min(reply.tokens.values(), default=0) >= 0
    check(reply)


@pytest.mark.parametrize(
    "usage", [None, [], {}, {"prompt_tokens": -1, "completion_tokens": True}, {"prompt_tokens": 1e9}]
)
def test_what_is_no_count_of_tokens_is_none(usage):
    assert not reply_of([{"usage": usage}]).tokens.total()


def test_usage_that_comes_with_each_event_is_counted_once():
    documents = [{"usage": {"prompt_tokens": 9, "completion_tokens": n}} for n in range(5)]
    assert reply_of(documents).tokens == Counter(prompt=9, answer=4)


@pytest.mark.parametrize("events", range(5))
def test_a_stream_that_is_cut_anywhere_gives_all_words_or_none(events):
    deltas = [{"reasoning_content": "hm"}, {"content": LISTED[:9]}, {"content": LISTED[9:]}]
    documents = [{"choices": [{"delta": delta}]} for delta in deltas]
    documents += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": USAGE}]
    reply = reply_of(documents[: events + 1])
    if events < 3:
        with pytest.raises(VocabularyRefused, match="was cut"):
            vocabulary_in(reply)
    else:
        assert vocabulary_in(reply)[0].words == ("cat", "dog", "red fox")


def test_more_words_than_are_read_are_left_out():
    listed = json.dumps({"words": [f"class {n}" for n in range(1000)]})
    assert len(vocabulary_in(ChatReply(listed, "", "stop"))[0].words) == MOST_READ_WORDS


@pytest.mark.parametrize("text", ['{"a":' * 200_000, "{" * 10**6, '{"' * 500_000, "</think>" * 100_000, "[" * 10**6])
def test_a_hostile_text_takes_no_more_than_seconds(text):
    started = time.thread_time()
    with pytest.raises(VocabularyRefused, match="holds no JSON object"):
        vocabulary_in(ChatReply(text, text, "stop"))
    assert time.thread_time() - started < 20
