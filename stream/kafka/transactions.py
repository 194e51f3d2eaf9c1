"""One record, one transaction, one writer: how plans are written so that a second learner cannot act."""

from typing import TypeVar

from stream.kafka import client as kafka_client
from stream.kafka.call import KafkaCall
from stream.kafka.client import KafkaError
from stream.process.errors import BrokerUnavailable, LearnerFenced
from stream.process.settings import StreamSettings

_CLOSE_SECONDS = 2.0
T = TypeVar("T")


class TransactionalWriter:
    """Writes under ``transactional_id``, which the newest writer of that id owns alone.

    Opening one fences every older one and aborts what that had open. A write that raised is undecided: it is in the
    log or it is not, and who opens the next writer reads the topic to see. After an error only `close` is of use.

    Parameters
    ----------
    transactional_id
        ``learner/<topic prefix>/<model>``.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer within ``settings.broker_timeout_seconds``.
    LearnerFenced
        A newer writer was opened at the same moment.
    """

    def __init__(self, settings: StreamSettings, transactional_id: str) -> None:
        self._settings = settings
        self._id = transactional_id
        self._usable = True
        self._begun: KafkaCall[int] | None = None
        self._producer = kafka_client.open_producer(settings, transactional_id)
        try:
            self._result(KafkaCall(self._producer.init_transactions))
        except BaseException:
            self.close()
            raise

    def write(self, topic: str, key: bytes | None, value: bytes) -> int:
        """Write one record and return its offset; it is durable, and seen by readers, when this returns.

        Blocks and raises as `confirm`.
        """
        self.begin(topic, key, value)
        return self.confirm()

    def begin(self, topic: str, key: bytes | None, value: bytes) -> None:
        """Start to write one record and return at once; `confirm` comes before anything else.

        Raises
        ------
        BrokerUnavailable
            An earlier write failed.
        ValueError
            One that was begun is not confirmed yet.
        """
        if self._begun is not None:
            message = "begin was called while a record is not confirmed; call confirm first"
            raise ValueError(message)
        if not self._usable:
            raise kafka_client.unavailable(self._settings, "an earlier write failed; open a new writer")
        self._begun = KafkaCall(lambda: self._one_transaction(topic, key, value))

    def confirm(self) -> int:
        """Return the offset of the record that was begun; it is durable, and seen by readers, when this returns.

        Blocks at most ``settings.broker_timeout_seconds``.

        Raises
        ------
        LearnerFenced
            A newer writer owns the id; nothing was written.
        BrokerUnavailable
            Kafka did not confirm in time.
        """
        if self._begun is None:
            message = "confirm was called where nothing was begun; call begin first"
            raise ValueError(message)
        begun, self._begun = self._begun, None
        return self._result(begun)

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._usable = False
        kafka_client.shut_down(self._producer, _CLOSE_SECONDS)

    def _one_transaction(self, topic: str, key: bytes | None, value: bytes) -> int:
        self._producer.begin_transaction()
        future = self._producer.send(topic, value, key)
        self._producer.commit_transaction()
        return future.get(timeout=self._settings.broker_timeout_seconds).offset

    def _result(self, call: KafkaCall[T]) -> T:
        try:
            return call.result(self._settings, self._settings.broker_timeout_seconds)
        except KafkaError as error:
            self._usable = False
            if kafka_client.is_fenced(error):
                model = self._id.rsplit("/", 1)[-1]
                message = f"another learner of model {model} has taken over; this one stops; run one for each model"
                raise LearnerFenced(message) from error
            raise kafka_client.unavailable(self._settings, f"{type(error).__name__} {error}".strip()) from error
        except BrokerUnavailable:
            self._usable = False
            raise
