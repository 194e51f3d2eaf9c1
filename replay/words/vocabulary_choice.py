"""Which vocabulary a worker works with: what a language model has suggested or suggests, or the file's."""

import logging
from dataclasses import dataclass
from pathlib import Path

from replay import metrics
from replay.words.chat_endpoint import ChatEndpoint
from replay.words.errors import EndpointUnavailable
from replay.words.vocabulary import Vocabulary, read_vocabulary
from replay.words.vocabulary_cache import VocabularyCache

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VocabularyChoice:
    """Where words may come from.

    Parameters
    ----------
    model
        The learner's model whose worker this is, for the metrics.
    words_file
        Used where the endpoint gives nothing; None for none.
    """

    model: str
    endpoint: ChatEndpoint
    cache: VocabularyCache
    words_file: Path | None = None

    def vocabulary(self, description: str) -> Vocabulary:
        """Return the vocabulary for a stream that looks like this.

        1. ``cache``     what was suggested before
        2. ``endpoint``  ask; keep what comes, and prefer what another worker has kept meanwhile
        3. ``file``      where nothing came

        Raises
        ------
        EndpointUnavailable
            The endpoint gives nothing and there is no file.
        VocabularyRefused
            The description, or the file that is needed, may not be used.
        StorageFull
            No space is left to keep a suggestion.
        """
        cached = self.cache.load(description, self.endpoint.llm)
        if cached is not None:
            return cached
        try:
            return self._asked(description)
        except EndpointUnavailable as error:
            metrics.observe_chat(self.model, error.reason, error.tokens)
            if self.words_file is None:
                raise
            vocabulary = read_vocabulary(self.words_file)
            _log.warning("the words of %s are used: %s", self.words_file, error)
            return vocabulary

    def _asked(self, description: str) -> Vocabulary:
        suggestion = self.endpoint.suggest(description)
        metrics.observe_chat(self.model, "answered", suggestion.tokens)
        meanwhile = self.cache.load(description, self.endpoint.llm)
        if meanwhile is not None:
            return meanwhile  # so that all workers of a model use the same words
        self.cache.save(description, self.endpoint.llm, suggestion.vocabulary)
        return suggestion.vocabulary
