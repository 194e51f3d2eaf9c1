"""What a worker is to write for the records in hand; see `stream.kafka.work_queue`."""

from dataclasses import dataclass

from stream.frame import Headers
from stream.kafka import client as kafka_client
from stream.process.errors import InvalidMessage
from stream.process.settings import StreamSettings

_RECORD_BYTES = 100  # what a record and its batch cost beside its content
_HEADER_BYTES = 10


@dataclass(frozen=True)
class Answer:
    """One record that is to be written."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Answers:
    """Records for one transaction, at most ``most_bytes`` of them; nothing is sent yet.

    Parameters
    ----------
    most_bytes
        By default as much as one record may have.

    Examples
    --------
    >>> answers = Answers(StreamSettings())
    >>> answers.send("r2r.digits.predictions", b"camera", b"3")
    >>> [answer.value for answer in answers.records]
    [b'3']
    """

    def __init__(self, settings: StreamSettings, most_bytes: int | None = None) -> None:
        self._most_record_bytes = settings.max_image_bytes + kafka_client.RECORD_OVERHEAD_BYTES
        self._most_bytes = self._most_record_bytes if most_bytes is None else most_bytes
        self._room_bytes = self._most_bytes
        self.records: list[Answer] = []

    @property
    def size_bytes(self) -> int:
        """What they take on their topics."""
        return self._most_bytes - self._room_bytes

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Keep one record.

        Raises
        ------
        InvalidMessage
            It is larger than Kafka takes, or all together are larger than ``most_bytes`` (``too_large``).
        """
        size = _RECORD_BYTES + len(key or b"") + len(value or b"")
        size += sum(_HEADER_BYTES + len(name) + len(content) for name, content in headers)
        most = min(self._most_record_bytes, self._room_bytes)
        if size > most:
            message = f"a record of {size} bytes came where {most} fit; ask for fewer or smaller images"
            raise InvalidMessage(message, reason="too_large")
        self._room_bytes -= size
        self.records.append(Answer(topic, key, value, headers))
