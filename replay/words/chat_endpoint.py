"""Asks a language model for a vocabulary: a few tries, all of them within one deadline."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from replay.words.chat_connection import Endpoint, Failure, ask
from replay.words.chat_reply import Tokens, read_reply
from replay.words.errors import EndpointUnavailable, VocabularyRefused
from replay.words.question import question_about
from replay.words.reply_words import words_in
from replay.words.vocabulary import Vocabulary
from stream.process.deadline import Deadline

_PAUSE_SECONDS = 1.0  # after the first try, twice that after the second, and so on
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Suggestion:
    """A vocabulary, and what it cost."""

    vocabulary: Vocabulary
    tokens: Tokens


class ChatEndpoint:
    """An endpoint that is asked for vocabularies.

    Parameters
    ----------
    clock
        Returns seconds that only grow.
    sleep
        Waits so many seconds; only called where that much time is left. Returns true where it was told to stop.
    stopped
        Says whether it was.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._sleep = sleep
        self._stopped = stopped

    @property
    def llm(self) -> str:
        """The language model's name."""
        return self._endpoint.llm

    def suggest(self, description: str) -> Suggestion:
        """Ask for the words and prompts of a stream that looks like this.

        1. ``ask``      send the question, read the reply's bytes
        2. ``read``     take the words from them; a reply without any is a failure like others
        3. ``pause``    wait as long as the endpoint asks for, or a little; then again

        Raises
        ------
        VocabularyRefused
            The description is empty or too long.
        EndpointUnavailable
            No try brought words, or the time was over.
        """
        question = question_about(description)
        deadline = Deadline(self._endpoint.seconds, self._clock)
        tokens, number = Tokens(), 1
        while True:
            body = ask(self._endpoint, question, deadline.remaining_seconds, self._stopped)
            outcome, cost = (body, Tokens()) if isinstance(body, Failure) else _read(body)
            tokens += cost
            if isinstance(outcome, Vocabulary):
                return Suggestion(outcome, tokens)
            pause_seconds = max(number * _PAUSE_SECONDS, outcome.wait_seconds)
            _log.warning("try %d: the chat endpoint %s", number, outcome.told)
            if number >= self._endpoint.tries or not outcome.may_pass or pause_seconds >= deadline.remaining_seconds:
                raise self._unavailable(outcome, tokens)
            if self._sleep(pause_seconds):
                raise self._unavailable(outcome, tokens)
            number += 1

    def _unavailable(self, failure: Failure, tokens: Tokens) -> EndpointUnavailable:
        url = self._endpoint.url
        message = f"the chat endpoint {url} {failure.told}; mend it, or name a words file in replay.words_file"
        return EndpointUnavailable(message, reason=failure.reason, tokens=tokens)


def _read(body: bytes) -> tuple[Vocabulary | Failure, Tokens]:
    reply = read_reply(body)
    try:
        found = words_in(reply)
    except VocabularyRefused as error:
        cause = str(error).partition(";")[0]
        return Failure("unusable", f"gave no words that can be used ({cause})"), reply.tokens
    if found.dropped:
        _log.warning("%d of the chat endpoint's words and prompts may not be used and are dropped", found.dropped)
    return found.vocabulary, reply.tokens
