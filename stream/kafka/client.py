"""The one file that imports ``kafka``: its clients with our choices, its errors in our words.

``kafka`` has no types; ``stubs/kafka`` declares what is used of it.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import (
    CommitFailedError,
    CorruptRecordError,
    FencedInstanceIdError,
    InvalidProducerEpochError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    ProducerFencedError,
    RetriableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
)
from kafka.net.compat import KafkaNetClient
from kafka.structs import OffsetAndMetadata

from stream.log import Record
from stream.process.deadline import Deadline
from stream.process.errors import BrokerUnavailable
from stream.process.settings import StreamSettings

__all__ = [
    "ConfigResource",
    "KafkaAdminClient",
    "KafkaConsumer",
    "KafkaError",
    "KafkaProducer",
    "KafkaTimeoutError",
    "MessageSizeTooLargeError",
    "OffsetAndMetadata",
    "RetriableError",
    "TopicAlreadyExistsError",
    "TopicPartition",
    "UnknownTopicOrPartitionError",
    "broker_errors",
    "give_back_parked",
    "is_fenced",
    "is_membership_lost",
    "is_position_lost",
    "next_offset",
    "open_admin",
    "open_consumer",
    "open_group_consumer",
    "open_producer",
    "shut_down",
    "to_record",
    "unavailable",
]

RECORD_OVERHEAD_BYTES = 128 * 1024
"""Room for key and headers beside the largest image, in a producer's request."""
C = TypeVar("C")
_FENCED = (ProducerFencedError, InvalidProducerEpochError, FencedInstanceIdError)
_HEARTBEATS_IN_SESSION = 4
_GROUP_FETCH_BYTES = 1024**2
_GROUP_METADATA_MS = 30_000  # so soon new partitions are shared out
_PROBE_PAUSE_SECONDS = 0.05
_FETCH_WAIT_MS = 100  # a request waits behind a fetch on the same connection: this bounds end_offsets and resume


def unavailable(settings: StreamSettings, why: object) -> BrokerUnavailable:
    """Say in one sentence that Kafka does not answer, and what to do."""
    message = (
        f"Kafka does not answer at {settings.bootstrap_servers} ({why}); "
        "start it with `r2r broker`, or all roles with `r2r up`, or set stream.bootstrap_servers to one that runs"
    )
    return BrokerUnavailable(message)


@contextmanager
def broker_errors(settings: StreamSettings) -> Iterator[None]:
    """Turn what ``kafka`` raises inside the block into `BrokerUnavailable`."""
    try:
        yield
    except KafkaError as error:
        raise unavailable(settings, f"{type(error).__name__} {error}".strip()) from error


def is_fenced(error: BaseException | None) -> bool:
    """Whether ``error``, or what caused it, says that another client has taken over the transactional or member id.

    Where the fence is met before the commit is called, ``kafka`` names it in the text of a plain error alone.
    """
    return _is_any(error, _FENCED)


def is_membership_lost(error: BaseException | None) -> bool:
    """Whether ``error``, or what caused it, says that the group has given our partitions to others."""
    return _is_any(error, (CommitFailedError,))


def _is_any(error: BaseException | None, kinds: tuple[type[BaseException], ...]) -> bool:
    while error is not None:
        if isinstance(error, kinds) or any(kind.__name__ in str(error) for kind in kinds):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_position_lost(error: BaseException) -> bool:
    """Whether ``error`` says that the log no longer holds the position."""
    return isinstance(error, (OffsetOutOfRangeError, LogTruncationError))


def is_unreadable(error: BaseException) -> bool:
    """Whether ``error`` says that a batch cannot be read; ``kafka`` would then spin for ever on the next poll."""
    return isinstance(error, (CorruptRecordError, UnsupportedCodecError))


def to_record(record: ConsumerRecord) -> Record:
    """Copy what a consumer delivered into our record."""
    return Record(
        record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers or ())
    )


class _PatientClient(KafkaNetClient):
    """Answers "not ready" where ``kafka`` raises.

    Its 3.0.12 sender drops the transactional request in hand when the coordinator refuses a connection, and spins
    until the end; told "not ready" it keeps the request and goes on once the broker is back.
    """

    def await_ready(self, node_id: object, timeout_ms: float = 30_000) -> bool:
        try:
            return super().await_ready(node_id, timeout_ms=timeout_ms)
        except KafkaError:
            return False


def next_offset(offset: int) -> OffsetAndMetadata:
    """Return what commits ``offset`` as the next one to read."""
    return OffsetAndMetadata(offset, "", -1)


def give_back_parked(consumer: KafkaConsumer) -> None:
    """Let the next poll go on with what ``kafka`` parked of partitions that were paused and are not any more.

    The fetcher of kafka-python 3.0.12 looks there only while no fetch is in line, but a drained one stays in line for
    ever; and what is parked is never fetched again.
    """
    fetcher = consumer._fetcher  # noqa: SLF001  (there is no other way to it)
    if not fetcher._next_partition_records:  # noqa: SLF001
        fetcher._next_partition_records = None  # noqa: SLF001


def open_consumer(settings: StreamSettings, max_partition_fetch_bytes: int) -> KafkaConsumer:
    """Connect a consumer without a group that sees committed records only."""
    return _connect(
        settings,
        KafkaConsumer,
        {
            "group_id": None,
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
            "auto_offset_reset": "none",
            "allow_auto_create_topics": False,
            "fetch_max_wait_ms": _FETCH_WAIT_MS,
            "max_partition_fetch_bytes": max_partition_fetch_bytes,
            "metrics_enabled": False,
        },
    )


def open_group_consumer(
    settings: StreamSettings, group: str, member: str, session_seconds: float, work_seconds: float
) -> KafkaConsumer:
    """Connect the static member ``member`` of ``group`` that commits nothing by itself.

    With ``read_committed`` its committed positions are read only once no transaction has an open say on them, so what
    a hung member may still commit is never given to another one.
    """
    return _connect(
        settings,
        KafkaConsumer,
        {
            "group_id": group,
            "group_instance_id": member,
            "session_timeout_ms": round(session_seconds * 1000),
            "heartbeat_interval_ms": round(session_seconds * 1000 / _HEARTBEATS_IN_SESSION),
            "max_poll_interval_ms": round(work_seconds * 1000),
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
            "auto_offset_reset": "earliest",
            "metadata_max_age_ms": _GROUP_METADATA_MS,
            "allow_auto_create_topics": False,
            "fetch_max_wait_ms": _FETCH_WAIT_MS,
            "max_partition_fetch_bytes": _GROUP_FETCH_BYTES,
            "metrics_enabled": False,
        },
    )


def open_producer(
    settings: StreamSettings, transactional_id: str | None = None, transaction_seconds: float = 60.0
) -> KafkaProducer:
    """Connect an idempotent producer; its memory is bounded by `BoundedProducer`, never by ``kafka`` itself.

    A transaction that is open longer than ``transaction_seconds`` is aborted by the broker.
    """
    choices: dict[str, object] = {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": None,
        "linger_ms": 5,
        "batch_size": 256 * 1024,
        "max_request_size": settings.max_image_bytes + RECORD_OVERHEAD_BYTES,
        "delivery_timeout_ms": round(settings.delivery_timeout_seconds * 1000),
        "max_block_ms": round(settings.broker_timeout_seconds * 1000),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
    request_seconds = min(settings.broker_timeout_seconds, settings.delivery_timeout_seconds / 2)
    if transactional_id is not None:
        choices |= {
            "transactional_id": transactional_id,
            "transaction_timeout_ms": round(transaction_seconds * 1000),
            "linger_ms": 0,
            "retry_backoff_ms": 5,
            "kafka_client": _PatientClient,
        }
    return _connect(settings, KafkaProducer, choices, request_seconds=request_seconds)


def open_admin(settings: StreamSettings, timeout_seconds: float | None = None) -> KafkaAdminClient:
    """Connect an admin client; the caller closes it."""
    return _connect(settings, KafkaAdminClient, {}, timeout_seconds=timeout_seconds)


def shut_down(producer: KafkaProducer, timeout_seconds: float) -> None:
    """Close a producer within ``timeout_seconds`` even if its broker is away.

    ``close`` flushes first and raises when that times out, before it stops its thread; so the thread is stopped here.
    """
    try:
        producer.close(timeout=timeout_seconds)
    except KafkaError:
        producer._sender.force_close()  # noqa: SLF001


def _connect(
    settings: StreamSettings,
    client: Callable[..., C],
    choices: dict[str, object],
    timeout_seconds: float | None = None,
    request_seconds: float | None = None,
) -> C:
    """Make a client once something listens: a constructor that times out leaves its thread behind."""
    deadline = Deadline(settings.broker_timeout_seconds if timeout_seconds is None else timeout_seconds)
    _wait_for_listener(settings, deadline)
    remaining_ms = max(1, round(deadline.remaining_seconds * 1000))
    request_ms = remaining_ms if request_seconds is None else round(request_seconds * 1000)
    with broker_errors(settings):
        return client(
            bootstrap_servers=settings.bootstrap_servers.split(","),
            bootstrap_timeout_ms=remaining_ms,
            request_timeout_ms=max(request_ms, _FETCH_WAIT_MS + 1),
            reconnect_backoff_max_ms=1000,
            **choices,
        )


def _wait_for_listener(settings: StreamSettings, deadline: Deadline) -> None:
    pause = threading.Event()
    while True:
        for address in settings.bootstrap_servers.split(","):
            host, _, port = address.strip().rpartition(":")
            with suppress(OSError, ValueError):
                socket.create_connection((host.strip("[]"), int(port)), max(0.1, deadline.remaining_seconds)).close()
                return
        if deadline.expired:
            raise unavailable(settings, "nothing listens there")
        pause.wait(min(_PROBE_PAUSE_SECONDS, deadline.remaining_seconds))
