"""What a person wants to know of a broker: how its topics are kept, and how its clock differs from ours."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from stream.kafka import client as kafka_client
from stream.kafka.client import ConfigResource, KafkaError
from stream.process.settings import StreamSettings

_CLOSE_SECONDS = 2.0
_LOOKS = 3
_MINUTE_MS = "60000"


@dataclass(frozen=True)
class TopicFacts:
    """How one topic is kept.

    Parameters
    ----------
    partitions
        0 where the topic does not exist.
    retention_bytes, retention_ms
        Of each partition; -1 for no limit.
    stamps_arrival
        Whether a record's time is that of its arrival at the broker.
    """

    name: str
    partitions: int
    retention_bytes: int = -1
    retention_ms: int = -1
    stamps_arrival: bool = False


@dataclass(frozen=True)
class ClockDifference:
    """The broker's clock minus ours, known to ± ``uncertainty_ms``."""

    difference_ms: float
    uncertainty_ms: float


def topic_facts(settings: StreamSettings, names: Sequence[str]) -> list[TopicFacts]:
    """Describe topics, also those that do not exist.

    Raises
    ------
    BrokerUnavailable
        Kafka did not answer in time, or does not let us look.
    """
    admin = kafka_client.open_admin(settings)
    try:
        with kafka_client.broker_errors(settings):
            described = {found["name"]: len(found["partitions"]) for found in admin.describe_topics(list(names))}
            there = [ConfigResource("topic", name) for name in names if described.get(name)]
            configs = admin.describe_configs(there, config_filter="all").get("topic", {}) if there else {}
    finally:
        admin.close()
    return [_facts(name, described.get(name, 0), configs.get(name, {})) for name in names]


def clock_difference(settings: StreamSettings, topic: str, clock: Callable[[], int]) -> ClockDifference:
    """Compare the clocks by the broker's time of arrival of three small records; the closest look counts.

    Parameters
    ----------
    topic
        Made for this and deleted again: the records are of no use to anybody.
    clock
        Ours: Unix milliseconds.

    Raises
    ------
    BrokerUnavailable
        Kafka did not answer in time, or does not let us make a topic.
    """
    admin = kafka_client.open_admin(settings)
    try:
        with kafka_client.broker_errors(settings):
            choices = {"message.timestamp.type": "LogAppendTime", "retention.ms": _MINUTE_MS}
            with suppress(kafka_client.TopicAlreadyExistsError):
                admin.create_topics({topic: {"num_partitions": 1, "replication_factor": -1, "configs": choices}})
            admin.wait_for_topics([topic], timeout_ms=settings.broker_timeout_seconds * 1000)
            try:
                return _compare(settings, topic, clock)
            finally:
                with suppress(KafkaError):
                    admin.delete_topics([topic])
    finally:
        admin.close()


def _compare(settings: StreamSettings, topic: str, clock: Callable[[], int]) -> ClockDifference:
    producer = kafka_client.open_producer(settings)
    looks = []
    try:
        for _ in range(_LOOKS):
            before_ms = clock()
            found = producer.send(topic, b"clock").get(timeout=settings.broker_timeout_seconds)
            after_ms = clock()
            looks.append((after_ms - before_ms, found.timestamp - (before_ms + after_ms) / 2))
    finally:
        kafka_client.shut_down(producer, _CLOSE_SECONDS)
    round_trip_ms, difference_ms = min(looks)
    return ClockDifference(difference_ms, round_trip_ms / 2 + 2)  # both clocks count whole milliseconds


def _facts(name: str, partitions: int, config: Mapping[str, Mapping[str, str]]) -> TopicFacts:
    def number(key: str) -> int:
        return int(config[key]["value"]) if key in config else -1

    stamps = config.get("message.timestamp.type", {}).get("value") == "LogAppendTime"
    return TopicFacts(name, partitions, number("retention.bytes"), number("retention.ms"), stamps)
