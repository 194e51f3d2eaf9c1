"""From a record of ``replay.requests`` to what is written for it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from typing import Literal

from replay.answer import batches, refused_event
from replay.generate.generation import Generated, Models, generate_images
from replay.judge.sample_filter import Verdict
from replay.label.label import Label
from replay.request_check import RequestCheck
from stream.dead_letters import DeadLetters
from stream.kafka.answers import Answers
from stream.kafka.topics import Topics
from stream.log import Record
from stream.messages.replay import MOST_BATCH_BYTES, ReplayRequest
from stream.process.deadline import Deadline
from stream.process.errors import InvalidMessage, UnknownFormat
from stream.process.faults import Faults

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handled:
    """The outcome of one request, and what is to be written for it."""

    outcome: Literal["answered", "expired", "poisoned"]
    answers: Answers
    images: int = 0
    reason: str = ""
    verdicts: Sequence[Verdict] = ()
    gap: float = 0.0


class RequestHandler:
    """Handles requests with the models; writes nothing by itself.

    Parameters
    ----------
    clock
        Returns Unix milliseconds.
    """

    def __init__(
        self, topics: Topics, check: RequestCheck, models: Models, clock: Callable[[], int], faults: Faults
    ) -> None:
        self._topics = topics
        self._check = check
        self._streaming, self._settings = check.streaming, check.settings
        self._models = models
        self._clock = clock
        self._faults = faults

    def handle(self, record: Record, stopping: Flag) -> Handled | None:
        """Return the outcome of the request; None where ``stopping`` was set before it was done.

        Bad data, images that are no images, and whatever labeller and generator raise become a dead letter.

        Raises
        ------
        UnknownFormat
            The request is of another major version: the worker has to be updated.
        """
        request = None
        try:
            request = self._check.read(record)
            limit = _Limit(request, self._settings.request_seconds, self._clock, stopping, self._faults)
            generated = self._generate(request, limit)
            if generated is not None:
                return self._answered(request, generated)
            if limit.reached == "too_slow":
                message = f"its images take more than {limit.seconds:g} s; raise replay.request_seconds"
                raise InvalidMessage(message, reason="too_slow")
        except UnknownFormat:
            raise
        except InvalidMessage as error:
            return self._poisoned(record, error, request)
        return None if limit.reached == "stopping" else Handled("expired", Answers(self._streaming))

    def _generate(self, request: ReplayRequest, limit: "_Limit") -> Generated | None:
        subject = self._check.subject(request)
        try:
            return generate_images(self._models, subject, request.images, request.seed, limit.may_continue)
        except Exception as error:  # whatever labeller and generator raise, the next request may succeed
            _log.exception("the generation failed")
            message = f"the generation failed ({error!r:.300}); see the worker's log"
            raise InvalidMessage(message, reason="generator_failed") from error

    def _answered(self, request: ReplayRequest, generated: Generated) -> Handled:
        """Write images, name and labels; without any of them an empty answer, so that the learner does not wait."""
        answers = Answers(self._streaming, self._settings.most_answer_bytes)
        most_bytes = min(MOST_BATCH_BYTES, self._streaming.max_image_bytes)
        for batch in batches(request, generated, most_bytes):
            answers.send(self._topics.replay_samples, request.id.encode(), batch.to_bytes())
        event = refused_event(request, generated, self._clock())
        if event is not None:
            answers.send(self._topics.events, event.id.encode(), event.to_bytes())
        return Handled("answered", answers, len(generated.images), verdicts=generated.verdicts, gap=generated.gap)

    def _poisoned(self, record: Record, error: InvalidMessage, request: ReplayRequest | None) -> Handled:
        """Write a dead letter; where the request could be read also an empty answer: the learner does not wait."""
        answers = Answers(self._streaming, self._streaming.max_image_bytes + MOST_BATCH_BYTES)  # for both
        if request is not None:
            nothing = Generated(Label("", 0.0), "")
            (empty,) = batches(request, nothing, self._streaming.max_image_bytes)
            answers.send(self._topics.replay_samples, request.id.encode(), empty.to_bytes())
        letters = DeadLetters(answers, self._topics.replay_requests_dlq, self._topics.replay_requests)
        letters.send(record, error, f"{self._topics.replay_requests}/{record.partition}/{record.offset}")
        _log.warning("the request at %d/%d becomes a dead letter: %s", record.partition, record.offset, error)
        return Handled("poisoned", answers, reason=error.reason)


class _Limit:
    """Whether a request may still be worked on, and which limit was reached."""

    def __init__(
        self, request: ReplayRequest, seconds: float, clock: Callable[[], int], stopping: Flag, faults: Faults
    ) -> None:
        self.seconds = seconds
        self.reached: Literal["", "stopping", "expired", "too_slow"] = ""
        self._request = request
        self._deadline = Deadline(seconds)
        self._clock = clock
        self._stopping = stopping
        self._faults = faults

    def may_continue(self) -> bool:
        """Look at the limits; called before each batch."""
        self._faults.reached("mid_generation")
        if self._stopping.is_set():
            self.reached = "stopping"
        elif self._clock() >= self._request.expires_at_ms:
            self.reached = "expired"
        elif self._deadline.expired:
            self.reached = "too_slow"
        return not self.reached
