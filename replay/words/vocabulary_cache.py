"""Vocabularies that a language model has suggested, on disk: the same question is paid for once."""

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from replay.words.errors import VocabularyRefused
from replay.words.question import PROMPT_VERSION
from replay.words.vocabulary import Vocabulary
from stream.process.home import write_atomically

_MOST_FILE_BYTES = 1024**2  # 300 words and 64 prompts take less than a tenth
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VocabularyCache:
    """A folder with a file for each description, language model and version of the question.

    A file is written whole or not at all, and read as warily as the endpoint's own answer: one that is not what this
    release writes is as good as none. Any of them may be deleted.
    """

    folder: Path

    def load(self, description: str, llm: str) -> Vocabulary | None:
        """Return what was suggested; None where nothing was, or the file is not what `save` writes."""
        file = self._file(description, llm)
        try:
            with file.open("rb") as opened:
                body = json.loads(opened.read(_MOST_FILE_BYTES))
            return Vocabulary(_texts(body["words"]), _texts(body["prompts"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError, VocabularyRefused) as error:
            _log.warning("the cached vocabulary %s is passed over (%s)", file, type(error).__name__)
            return None

    def save(self, description: str, llm: str, vocabulary: Vocabulary) -> None:
        """Keep a suggestion.

        Raises
        ------
        StorageFull
            No space is left.
        """
        body = json.dumps({"words": vocabulary.words, "prompts": vocabulary.prompts}, indent=1)
        write_atomically(self._file(description, llm), body.encode())

    def _file(self, description: str, llm: str) -> Path:
        key = json.dumps([description, llm, PROMPT_VERSION]).encode()
        return self.folder / f"{hashlib.sha256(key).hexdigest()}.json"


def _texts(listed: object) -> tuple[str, ...]:
    if not (isinstance(listed, list) and all(isinstance(text, str) for text in listed)):
        message = "a list of texts was expected"
        raise TypeError(message)
    return tuple(listed)
