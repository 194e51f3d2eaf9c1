"""From what a language model has written to a vocabulary; it may think aloud, and wrap its JSON in prose or a fence."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from replay.words.chat_reply import ChatReply
from replay.words.errors import VocabularyRefused
from replay.words.safe_text import safe_prompt, safe_word
from replay.words.vocabulary import MOST_PROMPTS, TEMPLATE_PROMPTS, Vocabulary, distinct

MOST_READ_WORDS = 300
_LONGEST_TEXT = 32_768  # characters, the last ones; 150 names and 16 prompts take some 4,000
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class WordReply:
    """The vocabulary, and how many words and prompts were dropped because they may not be used."""

    vocabulary: Vocabulary
    dropped: int


def words_in(reply: ChatReply) -> WordReply:
    """Take the last JSON object that lists words: from the text, or from the reasoning where the text is blank.

    A reply that was cut is not used at all: what is whole in it may be a draft. Words that may not be used are dropped.

    Raises
    ------
    VocabularyRefused
        The reply was cut, lists no words, or fewer than two of them may be used; it is told without its text.
    """
    if reply.finish in ("", "length"):
        message = "the reply was cut before its end or is none of a chat; allow more tokens, or see the address"
        raise VocabularyRefused(message)
    text = _without_thoughts(reply.text)
    listing = _last_listing(text if text.strip() else _without_thoughts(reply.reasoning))
    if listing is None:
        message = "the reply holds no JSON object with a list of words; ask again, or another model"
        raise VocabularyRefused(message)
    words, bad_words = _usable(listing["words"], safe_word, MOST_READ_WORDS)
    prompts, bad_prompts = _usable(listing.get("prompts"), safe_prompt, MOST_PROMPTS)
    return WordReply(Vocabulary(words, prompts or TEMPLATE_PROMPTS), bad_words + bad_prompts)


def _without_thoughts(text: str) -> str:
    """Return what follows the last ``</think>``, as far as no other ``<think>`` begins; some servers open none."""
    return text.rpartition("</think>")[2].partition("<think>")[0]


def _last_listing(text: str) -> dict[str, Any] | None:
    found, place = None, 0
    text = text[-_LONGEST_TEXT:]
    while (place := text.find("{", place)) >= 0:
        value, end = _object_at(text, place)
        if isinstance(value.get("words"), list):
            found, place = value, end
        else:
            place += 1  # the list may stand in an object within
    return found


def _object_at(text: str, place: int) -> tuple[dict[str, Any], int]:
    try:
        value, end = _DECODER.raw_decode(text, place)
    except (ValueError, RecursionError):
        return {}, place
    return value, end


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
