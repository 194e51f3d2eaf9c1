"""What can be wrong with words and prompts, and with whoever is asked for them.

::

    R2RError
    ├── VocabularyRefused      words, prompts or what they are asked for with are not what may be used
    └── EndpointUnavailable    a chat endpoint has given no words
"""

from replay.words.chat_reply import Tokens
from stream.process.errors import R2RError


class VocabularyRefused(R2RError):
    """A word, a prompt, a file of them, a description or a model's reply is not what may be used."""


class EndpointUnavailable(R2RError):
    """A chat endpoint has given no words; ``reason`` is a short, stable word, ``tokens`` what it cost."""

    def __init__(self, message: str, *, reason: str, tokens: Tokens) -> None:
        super().__init__(message)
        self.reason = reason
        self.tokens = tokens
