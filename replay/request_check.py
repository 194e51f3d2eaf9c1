"""The check of a record of ``replay.requests``: a request that can be served, or an error with its reason."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from replay.errors import VocabularyRefused
from replay.settings import ReplaySettings
from replay.subject import Subject
from replay.words.safe_text import safe_word
from stream.image_codec import Pixels, decode_image
from stream.log import Record
from stream.messages.replay import MOST_EXEMPLARS, MOST_MEMBERS, ReplayRequest
from stream.process.errors import InvalidMessage
from stream.process.settings import StreamSettings

_log = logging.getLogger(__name__)
_LONGEST_NAME = 64
_LONGEST_ID = 200  # it is repeated in every batch, and is a record's key


@dataclass(frozen=True)
class RequestCheck:
    """What a worker of ``model`` accepts."""

    model: str
    streaming: StreamSettings
    settings: ReplaySettings

    def read(self, record: Record) -> ReplayRequest:
        """Return the request if all but its images is good; no image is decoded yet.

        Raises
        ------
        UnknownFormat
            Another release wrote it: the worker is to be updated, the request is not to blame.
        InvalidMessage
            ``not_json``, ``wrong_kind``, ``incomplete``, ``bad_id``, ``bad_name``, ``other_model``,
            ``bad_seed``, ``bad_count``, ``no_exemplars``, ``too_many_exemplars`` or ``too_many_members``.
        """
        request = ReplayRequest.from_bytes(record.value or b"")
        if not (0 < len(request.id) <= _LONGEST_ID and request.id.isascii() and request.id.isprintable()):
            message = f"the id is {request.id!r:.80}, but must have 1 to {_LONGEST_ID} plain characters; derive another"
            raise InvalidMessage(message, reason="bad_id")
        if not (len(request.name) <= _LONGEST_NAME and request.name.isprintable()):
            message = f"the name may have {_LONGEST_NAME} printable characters and is another; name the cluster anew"
            raise InvalidMessage(message, reason="bad_name")
        if request.model != self.model:
            message = f"the request is for model {request.model!r:.80} and this worker serves {self.model!r}; resend it"
            raise InvalidMessage(message, reason="other_model")
        if request.seed < 0:
            message = f"the seed is {request.seed} and must not be below 0; draw another"
            raise InvalidMessage(message, reason="bad_seed")
        self._check_counts(request)
        return request

    def subject(self, request: ReplayRequest) -> Subject:
        """Decode the exemplars and the members; a name that may not reach a prompt is left out.

        Raises
        ------
        InvalidImage
            One is not an image within the caps; see `stream.image_codec.decode_image` for the reasons.
        """
        return Subject(_prompt_name(request.name), self._decoded(request.exemplars), self._decoded(request.members))

    def _decoded(self, files: Sequence[bytes]) -> list[Pixels]:
        most_pixels = min(self.settings.most_exemplar_pixels, self.streaming.max_image_pixels)
        return [decode_image(file, self.streaming.max_image_bytes, most_pixels) for file in files]

    def _check_counts(self, request: ReplayRequest) -> None:
        images, exemplars, members = request.images, len(request.exemplars), len(request.members)
        if not 1 <= images <= self.settings.most_images:
            most = self.settings.most_images
            message = f"{images} images are asked for, but 1 to {most} can be; see replay.most_images"
            raise InvalidMessage(message, reason="bad_count")
        if exemplars == 0:
            message = "the request has no exemplars, and images are generated from them; send one at least"
            raise InvalidMessage(message, reason="no_exemplars")
        if exemplars > MOST_EXEMPLARS:
            message = f"the request has {exemplars} exemplars, but at most {MOST_EXEMPLARS} are read; send the nearest"
            raise InvalidMessage(message, reason="too_many_exemplars")
        if members > MOST_MEMBERS:
            message = f"the request has {members} members, but at most {MOST_MEMBERS} are labelled; send fewer"
            raise InvalidMessage(message, reason="too_many_members")


def _prompt_name(name: str) -> str:
    """Return the name in plain form; empty where it may not reach a prompt, as for a cluster without a name."""
    try:
        return safe_word(name) if name else ""
    except VocabularyRefused as error:
        _log.warning("a cluster's name is not used in prompts: it %s", error)
        return ""
