"""A producer that holds a bounded number of bytes and loses nothing silently."""

import threading
from types import TracebackType
from typing import Self

from stream.frame import Headers
from stream.kafka import client as kafka_client
from stream.kafka.client import KafkaError, MessageSizeTooLargeError
from stream.process.deadline import Deadline
from stream.process.errors import BrokerUnavailable, InvalidMessage
from stream.process.settings import StreamSettings

_RECORD_BYTES = 100  # what a record costs beside its content, in the batch
_CLOSE_SECONDS = 2.0


class BoundedProducer:
    """Sends records in order, at most ``settings.in_flight_bytes`` of them unacknowledged.

    A record that Kafka does not acknowledge within ``settings.delivery_timeout_seconds`` makes `flush` and every
    later `send` raise: what was sent after it may be lost too, so the caller sends again from what it knows to be
    acknowledged, with a new producer. Threads may share one.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer within ``settings.broker_timeout_seconds``.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._changed = threading.Condition()
        self._in_flight_bytes = 0
        self._in_flight_records = 0
        self._failure: str | None = None
        self._closed = False
        self._producer = kafka_client.open_producer(settings)

    @property
    def in_flight_bytes(self) -> int:
        """Bytes that are sent and not yet acknowledged."""
        return self._in_flight_bytes

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        """Hand one record to Kafka; blocks while too many bytes are in flight, at most the delivery timeout.

        Raises
        ------
        BrokerUnavailable
            This or an earlier record was not acknowledged in time.
        InvalidMessage
            The record is larger than Kafka takes (``too_large``); the producer goes on.
        """
        size = _RECORD_BYTES + len(key or b"") + len(value or b"") + sum(len(n) + len(v) for n, v in headers)
        self._reserve(size)
        try:
            future = self._producer.send(topic, value, key, list(headers), partition)
        except MessageSizeTooLargeError as error:
            self._settle(size, None)
            largest = self._settings.max_image_bytes
            message = f"a record of {size} bytes came, but images may have {largest}; shrink it or raise the limit"
            raise InvalidMessage(message, reason="too_large") from error
        except KafkaError as error:
            self._settle(size, error)
            raise self._unavailable() from error
        except BaseException:
            self._settle(size, None)
            raise
        future.add_callback(lambda _: self._settle(size, None))
        future.add_errback(lambda error: self._settle(size, error))

    def flush(self, timeout_seconds: float) -> None:
        """Return once everything sent is acknowledged.

        Raises
        ------
        BrokerUnavailable
            A record was not, or not within ``timeout_seconds``.
        """
        with self._changed:
            done = self._changed.wait_for(lambda: self._in_flight_records == 0 or self._failure, timeout_seconds)
            if not done:
                raise kafka_client.unavailable(
                    self._settings, f"{self._in_flight_records} records not acknowledged in {timeout_seconds:g} s"
                )
            self._check()

    def close(self) -> None:
        """Flush within the delivery timeout and disconnect; may be called again.

        Raises
        ------
        BrokerUnavailable
            Something sent was not acknowledged, and nothing has said so yet.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if self._failure is None:
                self.flush(self._settings.delivery_timeout_seconds)
        finally:
            kafka_client.shut_down(self._producer, _CLOSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reserve(self, size: int) -> None:
        """Wait for room; one record alone always has room, however large."""
        limit = self._settings.in_flight_bytes
        deadline = Deadline(self._settings.delivery_timeout_seconds)
        with self._changed:
            self._check()
            while self._in_flight_bytes > 0 and self._in_flight_bytes + size > limit:
                if not self._changed.wait(deadline.remaining_seconds) and deadline.expired:
                    raise kafka_client.unavailable(self._settings, f"{self._in_flight_bytes} bytes not acknowledged")
                self._check()
            self._in_flight_bytes += size
            self._in_flight_records += 1

    def _settle(self, size: int, error: BaseException | None) -> None:
        with self._changed:
            self._in_flight_bytes -= size
            self._in_flight_records -= 1
            if error is not None and self._failure is None:
                self._failure = f"{type(error).__name__} {error}".strip()
            self._changed.notify_all()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._unavailable()

    def _unavailable(self) -> BrokerUnavailable:
        return kafka_client.unavailable(self._settings, f"a record was not acknowledged: {self._failure}")
