"""From a record of ``replay.requests`` to what is to be written for it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from typing import Literal

from replay.answer import batches, refused_event
from replay.faults import Faults
from replay.judge.sample_filter import Verdict
from replay.label.label import Label
from replay.request_check import RequestCheck
from replay.studio import Painted, Tools, paint
from stream.dead_letters import DeadLetters
from stream.kafka.answers import Answers
from stream.kafka.topics import Topics
from stream.log import Record
from stream.messages.replay import MOST_BATCH_BYTES, ReplayRequest
from stream.process.deadline import Deadline
from stream.process.errors import InvalidMessage, UnknownFormat

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """What became of one request, and what is to be written for it."""

    outcome: Literal["answered", "expired", "poisoned"]
    answers: Answers
    images: int = 0
    reason: str = ""
    verdicts: Sequence[Verdict] = ()
    gap: float = 0.0


class Painter:
    """Serves requests with a studio; writes nothing by itself.

    Parameters
    ----------
    clock
        Returns Unix milliseconds.
    """

    def __init__(
        self, topics: Topics, check: RequestCheck, tools: Tools, clock: Callable[[], int], faults: Faults
    ) -> None:
        self._topics = topics
        self._check = check
        self._streaming, self._settings = check.streaming, check.settings
        self._tools = tools
        self._clock = clock
        self._faults = faults

    def work(self, record: Record, stopping: Flag) -> Work | None:
        """Return what came of the request; None where ``stopping`` was set before it was done.

        Bad data, images that are no images, and whatever labeller and generator raise become a dead letter.

        Raises
        ------
        UnknownFormat
            The request is of another major version: the worker has to be updated.
        """
        request = None
        try:
            request = self._check.read(record)
            patience = _Patience(request, self._settings.request_seconds, self._clock, stopping, self._faults)
            painted = self._paint(request, patience)
            if painted is not None:
                return self._answered(request, painted)
            if patience.ended_by == "too_slow":
                message = f"its images take more than {patience.seconds:g} s; raise replay.request_seconds"
                raise InvalidMessage(message, reason="too_slow")
        except UnknownFormat:
            raise
        except InvalidMessage as error:
            return self._poisoned(record, error, request)
        return None if patience.ended_by == "stopping" else Work("expired", Answers(self._streaming))

    def _paint(self, request: ReplayRequest, patience: "_Patience") -> Painted | None:
        subject = self._check.subject(request)
        try:
            return paint(self._tools, subject, request.images, request.seed, patience.goes_on)
        except Exception as error:  # whatever labeller and generator trip over, the next request may be better
            _log.exception("painting failed")
            message = f"painting failed ({error!r:.300}); see the worker's log"
            raise InvalidMessage(message, reason="generator_failed") from error

    def _answered(self, request: ReplayRequest, painted: Painted) -> Work:
        """Write images, name and labels; where there is none of them an empty answer, so that nobody waits for one."""
        answers = Answers(self._streaming, self._settings.most_answer_bytes)
        most_bytes = min(MOST_BATCH_BYTES, self._streaming.max_image_bytes)
        for batch in batches(request, painted, most_bytes):
            answers.send(self._topics.replay_samples, request.id.encode(), batch.to_bytes())
        event = refused_event(request, painted, self._clock())
        if event is not None:
            answers.send(self._topics.events, event.id.encode(), event.to_bytes())
        return Work("answered", answers, len(painted.images), verdicts=painted.verdicts, gap=painted.gap)

    def _poisoned(self, record: Record, error: InvalidMessage, request: ReplayRequest | None) -> Work:
        """Set the request aside, and where it could be read answer it with nothing, so that nobody waits for it."""
        answers = Answers(self._streaming, self._streaming.max_image_bytes + MOST_BATCH_BYTES)  # for both
        if request is not None:
            nothing = Painted(Label("", 0.0), "")
            (empty,) = batches(request, nothing, self._streaming.max_image_bytes)
            answers.send(self._topics.replay_samples, request.id.encode(), empty.to_bytes())
        letters = DeadLetters(answers, self._topics.replay_requests_dlq, self._topics.replay_requests)
        letters.send(record, error, f"{self._topics.replay_requests}/{record.partition}/{record.offset}")
        _log.warning("the request at %d/%d is set aside: %s", record.partition, record.offset, error)
        return Work("poisoned", answers, reason=error.reason)


class _Patience:
    """Says whether a request is still to be worked on, and why not."""

    def __init__(
        self, request: ReplayRequest, seconds: float, clock: Callable[[], int], stopping: Flag, faults: Faults
    ) -> None:
        self.seconds = seconds
        self.ended_by: Literal["", "stopping", "expired", "too_slow"] = ""
        self._request = request
        self._deadline = Deadline(seconds)
        self._clock = clock
        self._stopping = stopping
        self._faults = faults

    def goes_on(self) -> bool:
        """Say so before each batch."""
        self._faults.reached("mid_generation")
        if self._stopping.is_set():
            self.ended_by = "stopping"
        elif self._clock() >= self._request.expires_at_ms:
            self.ended_by = "expired"
        elif self._deadline.expired:
            self.ended_by = "too_slow"
        return not self.ended_by
