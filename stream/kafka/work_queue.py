"""Records of one topic that several workers share; answers and position are written in one transaction.

This is Kafka's consume, transform, produce: a consumer group deals the partitions out, and what is answered is what
readers of committed records see, once for each record, however workers die.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from stream.kafka import client as kafka_client
from stream.kafka.answers import Answer, Answers
from stream.kafka.call import within
from stream.kafka.client import (
    KafkaError,
    OffsetAndMetadata,
    RetriableError,
    TopicPartition,
    next_offset,
    to_record,
)
from stream.log import Record
from stream.process.deadline import Deadline
from stream.process.errors import BrokerUnavailable, LogUnreadable, R2RError, TopicMissing, WorkerFenced, WorkLost
from stream.process.faults import Faults
from stream.process.settings import StreamSettings

TRANSACTION_SECONDS = 5.0
"""One that is open longer is aborted by the broker, which looks every ten seconds; a good one takes 15 milliseconds."""
_CLOSE_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Slot:
    """One place in a group of workers, held by one process at a time.

    Parameters
    ----------
    group
        The consumer group; its members share the topic's partitions.
    member
        The slot's name in the group. A process that is started again under it gets its partitions back at once.
    transactional_id
        Unique to the slot in the whole cluster. Opening it aborts what the process before left open.
    session_seconds
        After so long without a sign of life the slot's partitions go to other members.
    work_seconds
        So long may pass between two calls of `WorkQueue.next_records`.
    """

    group: str
    member: str
    transactional_id: str
    session_seconds: float
    work_seconds: float


class WorkQueue:
    """The records of ``topic`` for one worker of a group.

    Blocking: `next_records` waits at most its stated time; `answer` at most ``settings.broker_timeout_seconds``.
    Order: by offset inside a partition; none between partitions. Crash: a record that `answer` did not return for is
    given again, to this slot or to another. Its answer is in the log once, or not yet: what a dead or a hung worker
    had begun is aborted, and a reader of committed records never sees it. One thread at a time may use a queue, and
    after an error only `close` is of use.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer within ``settings.broker_timeout_seconds``.
    TopicMissing
        The topic does not exist.
    WorkerFenced
        Another process opened the slot at the same moment.
    """

    def __init__(self, settings: StreamSettings, topic: str, slot: Slot, faults: Faults) -> None:
        self._settings = settings
        self._topic = topic
        self._slot = slot
        self._faults = faults
        self._positions: dict[TopicPartition, OffsetAndMetadata] = {}
        self._producer = kafka_client.open_producer(settings, slot.transactional_id, TRANSACTION_SECONDS)
        try:
            self._call(self._producer.init_transactions)
            self._consumer = kafka_client.open_group_consumer(
                settings, slot.group, slot.member, slot.session_seconds, slot.work_seconds
            )
        except BaseException:
            kafka_client.shut_down(self._producer, _CLOSE_SECONDS)
            raise
        try:
            self._membership = self._consumer.group_metadata()
            self._consumer.subscribe([topic])
            self._call(self._learn_partitions)
        except BaseException:
            self.close()
            raise

    def next_records(self, timeout_seconds: float, most: int) -> list[Record]:
        """Return at most ``most`` records more, to be answered with those in hand; empty where nothing came.

        A broker that is away is no error here: nothing comes.

        Raises
        ------
        WorkLost
            The group has dealt the partitions out anew; what was in hand is given again.
        LogUnreadable
            A record cannot be read by any client of ours.
        WorkerFenced
            Another process holds the slot.
        BrokerUnavailable
            Kafka refuses the slot.
        """
        try:
            found = self._consumer.poll(timeout_ms=timeout_seconds * 1000, max_records=most)
        except RetriableError as error:
            _log.warning("poll of %s: %s", self._topic, error)
            return []
        except KafkaError as error:
            raise self._explained(error) from error
        membership = self._consumer.group_metadata()
        if self._positions and membership.generation_id != self._membership.generation_id:
            raise self._lost()
        self._membership = membership
        if membership.generation_id < 0:
            return []  # thrown out meanwhile: they are another member's by now, and we stand anew at the next poll
        self._positions |= {tp: next_offset(records[-1].offset + 1) for tp, records in found.items()}
        return [to_record(record) for records in found.values() for record in records]

    def answer(self, *answers: Answers) -> None:
        """Write the answers and the position behind the records in hand, all or nothing; durable when this returns.

        Raises
        ------
        WorkLost
            The records belong to another worker by now; nothing was written.
        WorkerFenced
            Another process holds the slot; nothing was written.
        BrokerUnavailable
            Kafka did not confirm in time: all of it is in the log or nothing, and the next queue goes on behind it.
        """
        self._call(lambda: self._one_transaction([one for part in answers for one in part.records]))
        self._positions = {}

    def close(self) -> None:
        """Disconnect; may be called again. The slot's partitions wait ``session_seconds`` for it to come back."""
        with suppress(KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=_CLOSE_SECONDS * 1000)
        kafka_client.shut_down(self._producer, _CLOSE_SECONDS)

    def _learn_partitions(self) -> None:
        """Know the topic before joining: ``kafka``, asked amid a refresh, may share out nothing and not ask again."""
        if not self._consumer.partitions_for_topic(self._topic):
            message = f"the topic {self._topic} does not exist; make it with `r2r topics create --model NAME`"
            raise TopicMissing(message)

    def _one_transaction(self, answers: Sequence[Answer]) -> None:
        self._producer.begin_transaction()
        try:
            sent = [self._producer.send(one.topic, one.value, one.key, list(one.headers)) for one in answers]
            self._producer.flush(self._settings.broker_timeout_seconds)
            self._producer.send_offsets_to_transaction(self._positions, self._membership)
            self._faults.reached("mid_transaction")
            self._producer.commit_transaction()
        except KafkaError:
            with suppress(KafkaError):  # so that readers do not wait for its timeout
                self._producer.abort_transaction()
            raise
        for future in sent:
            future.get(timeout=0)

    def _call(self, call: Callable[[], object]) -> None:
        open_too_long = Deadline(TRANSACTION_SECONDS)
        try:
            within(self._settings, self._settings.broker_timeout_seconds, call)
        except KafkaError as error:
            if kafka_client.is_membership_lost(error):
                raise self._lost() from error
            if kafka_client.is_fenced(error) and not open_too_long.expired:
                raise self._fenced() from error
            raise self._unavailable(error) from error

    def _explained(self, error: KafkaError) -> R2RError:
        if kafka_client.is_fenced(error):
            return self._fenced()
        if kafka_client.is_unreadable(error):
            message = f"a record of {self._topic} cannot be read ({error}); delete it, or see who writes the topic"
            return LogUnreadable(message)
        message = (
            f"Kafka at {self._settings.bootstrap_servers} refuses {self._slot.member} of {self._slot.group} ({error}); "
            "check its permissions and its session's length"
        )
        return BrokerUnavailable(message)

    def _lost(self) -> WorkLost:
        slot = self._slot
        message = (
            f"{slot.member} of {slot.group} was out of touch for {slot.session_seconds:g} s or at work for "
            f"{slot.work_seconds:g} s, or another worker came or went, and its records were dealt out anew; they are "
            "given again, and more time helps where that comes often"
        )
        return WorkLost(message)

    def _fenced(self) -> WorkerFenced:
        message = (
            f"another process has taken over {self._slot.member} of {self._slot.group}; this one stops; "
            "give each worker a number of its own with --worker"
        )
        return WorkerFenced(message)

    def _unavailable(self, error: KafkaError) -> BrokerUnavailable:
        return kafka_client.unavailable(self._settings, f"{type(error).__name__} {error}".strip())
