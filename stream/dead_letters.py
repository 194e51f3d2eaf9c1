"""Bad data is set aside with its reason, under Kafka Connect's header names, and the stream goes on."""

from typing import Protocol

from stream.frame import Headers
from stream.log import Record
from stream.process.errors import InvalidMessage

_PREFIX = "__connect.errors."


class Sender(Protocol):
    """Takes records for topics: a `BoundedProducer` sends them, `Answers` keep them."""

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Take one record.

        Raises
        ------
        InvalidMessage
            It is larger than Kafka takes (``too_large``).
        """


class DeadLetters:
    """Writes refused records of ``source_topic`` to ``topic``; sending one again after a restart is harmless.

    Parameters
    ----------
    sender
        Shared with others; the caller makes what it took durable before it commits its position.
    topic
        The dead-letter topic.
    source_topic
        Where the records stood; by default ``topic`` without ``.dlq``.
    """

    def __init__(self, sender: Sender, topic: str, source_topic: str | None = None) -> None:
        self._sender = sender
        self._topic = topic
        self._source_topic = topic.removesuffix(".dlq") if source_topic is None else source_topic

    def send(self, record: Record, error: InvalidMessage, id: str) -> None:  # noqa: A002  the header's name
        """Write the record as it came, with the reason beside it.

        A record that does not fit with its new headers is written without its value, whose size is then told.

        Raises
        ------
        BrokerUnavailable
            As `stream.kafka.producer.BoundedProducer.send`: a broker's fault is never the record's.
        """
        kept = [(name, content or b"") for name, content in record.headers]  # Kafka allows null, its clients do not
        headers = [*kept, *self._reason(record, error, id)]
        key = b"" if record.key is None and record.value is None else record.key
        try:
            self._sender.send(self._topic, key, record.value, headers)
        except InvalidMessage:
            self._send_reason_alone(record, key, headers, error, id)

    def _send_reason_alone(
        self,
        record: Record,
        key: bytes | None,
        headers: Headers,
        error: InvalidMessage,
        id: str,  # noqa: A002
    ) -> None:
        """Leave out the value; where key and headers alone are too large, those too."""
        size = str(len(record.value or b"")).encode()
        try:
            self._sender.send(self._topic, key or b"", None, [*headers, ("r2r-omitted-bytes", size)])
        except InvalidMessage:
            size = str(record.size_bytes).encode()
            self._sender.send(self._topic, b"", None, [*self._reason(record, error, id), ("r2r-omitted-bytes", size)])

    def _reason(self, record: Record, error: InvalidMessage, id: str) -> Headers:  # noqa: A002
        kind = type(error)
        return [
            (f"{_PREFIX}topic", self._source_topic.encode()),
            (f"{_PREFIX}partition", str(record.partition).encode()),
            (f"{_PREFIX}offset", str(record.offset).encode()),
            (f"{_PREFIX}stage", b"VALUE_CONVERTER"),
            (f"{_PREFIX}exception.class.name", f"{kind.__module__}.{kind.__qualname__}".encode()),
            (f"{_PREFIX}exception.message", str(error).encode()),
            ("r2r-reason", error.reason.encode()),
            ("r2r-id", id.encode()),
        ]
