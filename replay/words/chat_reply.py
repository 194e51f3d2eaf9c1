"""The reply of a chat endpoint, and the vocabulary in it. Nothing of a reply is trusted.

A model may think aloud, and wrap its JSON in prose or a code fence.
"""

import json
from collections import Counter
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from openai import APIConnectionError, APIError
from pydantic import AliasChoices, AliasPath, BaseModel, Field, ValidationError, WrapValidator

from replay.errors import VocabularyRefused
from replay.words.safe_text import safe_prompt, safe_word
from replay.words.vocabulary import MOST_PROMPTS, TEMPLATE_PROMPTS, Vocabulary, distinct

MOST_READ_WORDS = 300
_LONGEST_TEXT = 32_768  # characters, the last ones; 150 names and 16 prompts take some 4,000
_DECODER = json.JSONDecoder()
T = TypeVar("T")


def _or(default: T) -> WrapValidator:
    """Take what has not the expected form for missing."""

    def validate(value: object, validated: Callable[[object], T]) -> T:
        try:
            return validated(value)
        except ValidationError:
            return default

    return WrapValidator(validate)


_Text = Annotated[str, Field(strict=True), _or("")]
_Count = Annotated[int, Field(strict=True, ge=0, le=10**9), _or(0)]


def _of_message(key: str) -> Any:
    """Return a field of a whole completion's message, or of an event's part of it."""
    return Field("", validation_alias=AliasChoices(*(AliasPath("choices", 0, of, key) for of in ("delta", "message"))))


def _of_usage(*keys: str) -> Any:
    return Field(0, validation_alias=AliasPath("usage", *keys))


class _Document(BaseModel):
    """A completion, or one event of it; DeepSeek calls the reasoning otherwise than newer servers."""

    content: _Text = _of_message("content")
    reasoning_content: _Text = _of_message("reasoning_content")
    reasoning: _Text = _of_message("reasoning")
    finish: _Text = Field("", validation_alias=AliasPath("choices", 0, "finish_reason"))
    prompt_tokens: _Count = _of_usage("prompt_tokens")
    completion_tokens: _Count = _of_usage("completion_tokens")
    reasoning_tokens: _Count = _of_usage("completion_tokens_details", "reasoning_tokens")


@dataclass
class ChatReply:
    """One reply.

    Parameters
    ----------
    finish
        ``stop``, ``length``, another reason of the endpoint's, or empty where the reply was cut.
    tokens
        By kind (``prompt``, ``reasoning``, ``answer``), as the endpoint counts them, each once.
    """

    text: str = ""
    reasoning: str = ""
    finish: str = ""
    tokens: Counter[str] = field(default_factory=Counter)


async def read_reply(documents: AsyncIterable[object]) -> ChatReply:
    """Return the reply in a completion, or in the events of one, up to the first that is an error or no JSON.

    Raises
    ------
    APIConnectionError
        The connection broke off.
    """
    texts, reasonings, finish, tokens = [], [], "", Counter[str]()
    try:
        async for value in documents:
            document = _Document.model_validate(value if isinstance(value, dict) else {})
            texts.append(document.content)
            reasonings.append(document.reasoning_content or document.reasoning)
            finish = document.finish or finish
            answer = max(0, document.completion_tokens - document.reasoning_tokens)
            # where usage comes with each event, it is the sum so far
            tokens |= Counter(prompt=document.prompt_tokens, reasoning=document.reasoning_tokens, answer=answer)
    except APIConnectionError:
        raise
    except (APIError, ValueError, RecursionError):
        pass
    return ChatReply("".join(texts), "".join(reasonings), finish, tokens)


def vocabulary_in(reply: ChatReply) -> tuple[Vocabulary, int]:
    """Take the last JSON object that lists words: from the text, or from the reasoning where the text is blank.

    Return it with the number of words and prompts that were dropped because they may not be used. A reply that was cut
    is not used at all: what is whole in it may be a draft.

    Raises
    ------
    VocabularyRefused
        The reply was cut, lists no words, or fewer than two of them may be used; its text is not repeated.
    """
    if reply.finish in ("", "length"):
        message = "the reply was cut before its end or is none of a chat; allow more tokens, or correct the address"
        raise VocabularyRefused(message)
    text = _without_thoughts(reply.text)
    listing = _last_listing(text if text.strip() else _without_thoughts(reply.reasoning))
    if listing is None:
        message = "the reply holds no JSON object with a list of words; ask again, or another model"
        raise VocabularyRefused(message)
    words, bad_words = _usable(listing["words"], safe_word, MOST_READ_WORDS)
    prompts, bad_prompts = _usable(listing.get("prompts"), safe_prompt, MOST_PROMPTS)
    return Vocabulary(words, prompts or TEMPLATE_PROMPTS), bad_words + bad_prompts


def _without_thoughts(text: str) -> str:
    """Return what follows the last ``</think>``, as far as no other ``<think>`` begins; some servers open none."""
    return text.rpartition("</think>")[2].partition("<think>")[0]


def _last_listing(text: str) -> dict[str, Any] | None:
    found, place = None, 0
    text = text[-_LONGEST_TEXT:]
    while (place := text.find("{", place)) >= 0:
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            value, end = {}, place
        if isinstance(value.get("words"), list):
            found, place = value, end
        else:
            place += 1  # the list may stand in an object within
    return found


def _usable(texts: object, safe: Callable[[str], str], most: int) -> tuple[tuple[str, ...], int]:
    """Return those that may be used, and how many may not."""
    listed = texts[:most] if isinstance(texts, list) else []
    kept = []
    for text in listed:
        try:
            kept.append(safe(text if isinstance(text, str) else ""))
        except VocabularyRefused:
            continue
    return distinct(kept), len(listed) - len(kept)
