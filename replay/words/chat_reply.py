"""What a chat endpoint has sent, whole or as a stream of events: its text, its reasoning, how it ended, its price.

Nothing of it is trusted: what has not the expected form is passed over.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MOST_TOKENS = 10**9  # what claims more is no count


@dataclass(frozen=True)
class Tokens:
    """Tokens as the endpoint counts them; none is counted twice."""

    prompt: int = 0
    reasoning: int = 0
    answer: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.reasoning + other.reasoning, self.answer + other.answer)


@dataclass(frozen=True)
class ChatReply:
    """One reply.

    Parameters
    ----------
    text, reasoning
        As they came: DeepSeek-R1 has its own field for what it thinks, newer servers another, older ones none.
    finish
        ``stop``, ``length``, what else the endpoint says, or empty where it was cut before it said anything.
    """

    text: str = ""
    reasoning: str = ""
    finish: str = ""
    tokens: Tokens = Tokens()


def read_reply(body: bytes) -> ChatReply:
    """Read a completion, or the events of one.

    Examples
    --------
    >>> read_reply(b'data: {"choices":[{"delta":{"content":"cat"},"finish_reason":"stop"}]}').text
    'cat'
    """
    texts, reasonings, finish, tokens = [], [], "", Tokens()
    for document in _documents(body.decode("utf-8", errors="replace")):
        tokens = _tokens(document.get("usage")) or tokens  # where it comes with each event, it is the sum so far
        choices = document.get("choices")
        choice = _object(choices[0]) if isinstance(choices, list) and choices else {}
        message = _object(choice.get("delta")) or _object(choice.get("message"))
        texts.append(_text(message.get("content")))
        reasonings.append(_text(message.get("reasoning_content")) or _text(message.get("reasoning")))
        finish = _text(choice.get("finish_reason")) or finish
    return ChatReply("".join(texts), "".join(reasonings), finish, tokens)


def _documents(body: str) -> Iterator[dict[str, Any]]:
    """Give the JSON object of each event; where there are no events, the one that the body is."""
    events = [line.removeprefix("data:") for line in body.split("\n") if line.startswith("data:")]
    for text in events or [body]:
        try:
            yield _object(json.loads(text))
        except (ValueError, RecursionError):  # ``[DONE]``, or an event that was cut
            continue


def _tokens(usage: object) -> Tokens | None:
    if not isinstance(usage, dict):
        return None
    reasoning = _count(_object(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    answer = max(0, _count(usage.get("completion_tokens")) - reasoning)
    return Tokens(_count(usage.get("prompt_tokens")), reasoning, answer)


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
