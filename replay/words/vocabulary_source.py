"""Where a worker's vocabulary comes from: the cache of suggestions, a chat endpoint, or a file."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from replay.errors import EndpointUnavailable, VocabularyRefused
from replay.words.chat_endpoint import ChatEndpoint
from replay.words.question import PROMPT_VERSION
from replay.words.vocabulary import Vocabulary, read_vocabulary
from stream.process.home import write_atomically

_MOST_FILE_BYTES = 1024**2  # 300 words and 64 prompts take less than a tenth
_log = logging.getLogger(__name__)


class _Stored(BaseModel):
    model_config = ConfigDict(strict=True)

    words: tuple[str, ...]
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class VocabularyCache:
    """A folder with a file for each description, language model and version of the question.

    A file is written whole or not at all, and checked like a reply when it is read: a file of another form is passed
    over. Any of them may be deleted.
    """

    folder: Path

    def load(self, description: str, llm: str) -> Vocabulary | None:
        """Return the suggestion; None where there is none, or the file is not what `save` writes."""
        file = self._file(description, llm)
        try:
            with file.open("rb") as opened:
                stored = _Stored.model_validate_json(opened.read(_MOST_FILE_BYTES))
            return Vocabulary(stored.words, stored.prompts)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, VocabularyRefused) as error:
            _log.warning("the cached vocabulary %s is passed over (%s)", file, type(error).__name__)
            return None

    def save(self, description: str, llm: str, vocabulary: Vocabulary) -> None:
        """Keep a suggestion.

        Raises
        ------
        StorageFull
            No space is left.
        """
        stored = _Stored(words=vocabulary.words, prompts=vocabulary.prompts)
        write_atomically(self._file(description, llm), stored.model_dump_json(indent=1).encode())

    def _file(self, description: str, llm: str) -> Path:
        key = json.dumps([description, llm, PROMPT_VERSION]).encode()
        return self.folder / f"{hashlib.sha256(key).hexdigest()}.json"


@dataclass(frozen=True)
class VocabularySource:
    """The sources of words, in the order in which they are tried.

    Parameters
    ----------
    observe
        Is told of each question: ``answered``, or an `EndpointUnavailable`'s reason, and its tokens by kind.
    words_file
        Used where the endpoint gives nothing; None for none.
    """

    observe: Callable[[str, Mapping[str, int]], object]
    endpoint: ChatEndpoint
    cache: VocabularyCache
    words_file: Path | None = None

    def vocabulary(self, description: str) -> Vocabulary:
        """Return the vocabulary for a stream of this description.

        1. ``cache``     an earlier suggestion
        2. ``endpoint``  ask, and keep the answer; another worker's suggestion that was kept meanwhile is preferred
        3. ``file``      where the endpoint gave none

        Raises
        ------
        EndpointUnavailable
            The endpoint gives nothing and there is no file.
        VocabularyRefused
            The description, or the file that is needed, may not be used.
        StorageFull
            No space is left to keep a suggestion.
        """
        return self.cache.load(description, self.endpoint.llm) or self._suggested(description)

    def _suggested(self, description: str) -> Vocabulary:
        try:
            vocabulary, tokens = self.endpoint.suggest(description)
        except EndpointUnavailable as error:
            self.observe(error.reason, error.tokens)
            if self.words_file is None:
                raise
            _log.warning("the words of %s are used: %s", self.words_file, error)
            return read_vocabulary(self.words_file)
        self.observe("answered", tokens)
        meanwhile = self.cache.load(description, self.endpoint.llm)
        if meanwhile is not None:
            return meanwhile  # so that all workers of a model use the same words
        self.cache.save(description, self.endpoint.llm, vocabulary)
        return vocabulary
