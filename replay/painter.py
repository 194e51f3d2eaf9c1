"""From a record of ``replay.requests`` to what is to be written for it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from typing import Literal

from replay.answer import batches, image_seeds
from replay.faults import Faults
from replay.generator import Generator, Subject
from replay.request_check import RequestCheck
from stream.answers import Answers
from stream.dead_letters import DeadLetters
from stream.deadline import Deadline
from stream.errors import InvalidMessage, UnknownFormat
from stream.image_codec import encode_png
from stream.log import Record
from stream.replay_messages import MOST_BATCH_BYTES, ReplayRequest
from stream.topics import Topics

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """What became of one request, and what is to be written for it."""

    outcome: Literal["answered", "expired", "poisoned"]
    answers: Answers
    images: int = 0
    reason: str = ""


class Painter:
    """Serves requests with a generator; writes nothing by itself.

    Parameters
    ----------
    clock
        Returns Unix milliseconds.
    """

    def __init__(
        self, topics: Topics, check: RequestCheck, generator: Generator, clock: Callable[[], int], faults: Faults
    ) -> None:
        self._topics = topics
        self._check = check
        self._streaming, self._settings = check.streaming, check.settings
        self._generator = generator
        self._clock = clock
        self._faults = faults

    def work(self, record: Record, stopping: Flag) -> Work | None:
        """Return what came of the request; None where ``stopping`` was set before it was done.

        Bad data, images that are no images, and whatever the generator raises become a dead letter.

        Raises
        ------
        UnknownFormat
            The request is of another major version: the worker has to be updated.
        """
        try:
            request = self._check.read(record)
            seeds = image_seeds(request.seed, request.images)
            images = self._paint(request, seeds, stopping)
            if len(images) == request.images:
                return self._answered(request, seeds, images)
        except UnknownFormat:
            raise
        except InvalidMessage as error:
            return self._poisoned(record, error)
        return None if stopping.is_set() else Work("expired", Answers(self._streaming))

    def _paint(self, request: ReplayRequest, seeds: Sequence[int], stopping: Flag) -> list[bytes]:
        """Return PNG files, fewer than asked for once the request has expired or the worker is to stop."""
        subject = self._check.subject(request)
        deadline = Deadline(self._settings.request_seconds)
        images: list[bytes] = []
        while len(images) < len(seeds):
            if stopping.is_set() or self._clock() >= request.expires_at_ms:
                break
            if deadline.expired:
                seconds = self._settings.request_seconds
                message = f"{len(images)} of {len(seeds)} images took {seconds:g} s; raise replay.request_seconds"
                raise InvalidMessage(message, reason="too_slow")
            images += self._generate(subject, seeds[len(images) :][: self._settings.batch_images])
            self._faults.reached("mid_generation")
        return images

    def _generate(self, subject: Subject, seeds: Sequence[int]) -> list[bytes]:
        try:
            painted = self._generator.generate(subject, seeds)
            return [encode_png(image) for image, _ in zip(painted, seeds, strict=True)]
        except Exception as error:  # whatever it trips over, the next request may be better
            _log.exception("the generator %s failed", self._generator.name)
            message = f"the generator {self._generator.name} failed ({error!r:.300}); see the worker's log"
            raise InvalidMessage(message, reason="generator_failed") from error

    def _answered(self, request: ReplayRequest, seeds: Sequence[int], images: Sequence[bytes]) -> Work:
        answers = Answers(self._streaming, self._settings.most_answer_bytes)
        most_bytes = min(MOST_BATCH_BYTES, self._streaming.max_image_bytes)
        for batch in batches(request, self._generator.name, seeds, images, most_bytes):
            answers.send(self._topics.replay_samples, request.id.encode(), batch.to_bytes())
        return Work("answered", answers, images=len(images))

    def _poisoned(self, record: Record, error: InvalidMessage) -> Work:
        answers = Answers(self._streaming)
        letters = DeadLetters(answers, self._topics.replay_requests_dlq, self._topics.replay_requests)
        letters.send(record, error, f"{self._topics.replay_requests}/{record.partition}/{record.offset}")
        _log.warning("the request at %d/%d is set aside: %s", record.partition, record.offset, error)
        return Work("poisoned", answers, reason=error.reason)
