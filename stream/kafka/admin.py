"""What is asked of a broker beside records: whether it answers, which topics it has, and to make ours.

Run as a command: ``python -m stream.kafka.admin create --model NAME`` makes the topics of a model, for a Kafka that
does not make topics by itself.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypedDict

from stream.kafka import client as kafka_client
from stream.kafka.client import KafkaAdminClient, TopicAlreadyExistsError
from stream.kafka.topics import Topics
from stream.process.errors import TopicMissing
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings

_LARGEST_SEGMENT_BYTES = 1024**3
_SMALLEST_SEGMENT_BYTES = 1024**2
_REPLAY_RETENTION_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class TopicDescription:
    """Which log a topic's name means at present: deleting and making it anew changes ``topic_id``."""

    cluster_id: str
    topic_id: str
    partitions: int


class _NewTopic(TypedDict):
    num_partitions: int
    replication_factor: int
    configs: dict[str, str]


def wait_for_broker(settings: StreamSettings) -> None:
    """Return once Kafka answers.

    Raises
    ------
    BrokerUnavailable
        It did not within ``settings.broker_timeout_seconds``.
    """
    with _admin(settings) as admin:
        admin.describe_cluster()


def describe_topic(settings: StreamSettings, topic: str) -> TopicDescription:
    """Describe a topic that exists.

    Raises
    ------
    TopicMissing
        It does not exist.
    BrokerUnavailable
        Kafka did not answer in time.
    """
    with _admin(settings) as admin:
        cluster_id = admin.describe_cluster()["cluster_id"]
        (found,) = admin.describe_topics([topic])
    if found["error_code"] != 0:
        message = (
            f"the topic {topic} does not exist at {settings.bootstrap_servers}; "
            "make it with `r2r topics create --model NAME` or check stream.topic_prefix"
        )
        raise TopicMissing(message)
    return TopicDescription(str(cluster_id), str(found["topic_id"]), len(found["partitions"]))


def create_topics(settings: StreamSettings, topics: Topics) -> list[str]:
    """Make all topics of a model that are not there yet; see `create_shared_topics`."""
    return _create(settings, _shared(settings, topics) | _control(settings, topics) | _replay(settings, topics))


def create_shared_topics(settings: StreamSettings, topics: Topics) -> list[str]:
    """Make `frames`, `truth` and the dead letters where they are not there yet; return the new names.

    Topics that are there keep their partitions and settings. Timestamps are the broker's arrival times, so that the
    age of a frame does not depend on a camera's clock; the camera's own time travels in ``ce_time``.

    Raises
    ------
    BrokerUnavailable
        Kafka did not answer in time, or refused.
    """
    return _create(settings, _shared(settings, topics))


def _create(settings: StreamSettings, wanted: dict[str, _NewTopic]) -> list[str]:
    """Return once each new topic has a leader."""
    with _admin(settings) as admin:
        there = set(admin.list_topics())
        missing = {name: choices for name, choices in wanted.items() if name not in there}
        for name, choices in missing.items():
            try:
                admin.create_topics({name: choices})
            except TopicAlreadyExistsError:
                continue  # another role was quicker
        admin.wait_for_topics(list(missing), timeout_ms=settings.broker_timeout_seconds * 1000)
    return list(missing)


def _shared(settings: StreamSettings, topics: Topics) -> dict[str, _NewTopic]:
    shared = {name: _topic(settings.frame_partitions, _log_settings(settings)) for name in topics.shared}
    kept = settings.frames_retention_bytes
    segment = max(_SMALLEST_SEGMENT_BYTES, min(_LARGEST_SEGMENT_BYTES, kept // 8))
    shared[topics.frames]["configs"] |= {"retention.bytes": str(kept), "segment.bytes": str(segment)}
    return shared


def _control(settings: StreamSettings, topics: Topics) -> dict[str, _NewTopic]:
    control = {name: _topic(1, _log_settings(settings)) for name in topics.control}
    control[topics.models]["configs"] |= {"cleanup.policy": "compact"}
    return control


def _replay(settings: StreamSettings, topics: Topics) -> dict[str, _NewTopic]:
    """Keep little of requests and samples: they lose their use with the update that they serve."""
    kept = {"retention.bytes": str(_REPLAY_RETENTION_BYTES), "segment.bytes": str(_REPLAY_RETENTION_BYTES // 8)}
    replay = {name: _topic(1, _log_settings(settings) | kept) for name in topics.replay}
    replay[topics.replay_requests]["num_partitions"] = settings.frame_partitions
    return replay


def _topic(partitions: int, configs: dict[str, str]) -> _NewTopic:
    return {"num_partitions": partitions, "replication_factor": -1, "configs": configs}


def _log_settings(settings: StreamSettings) -> dict[str, str]:
    """Kafka forgets after a week by default; here only bytes bound a log, as the log is the learner's memory."""
    return {
        "retention.ms": "-1",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(settings.max_image_bytes + kafka_client.RECORD_OVERHEAD_BYTES),
    }


@contextmanager
def _admin(settings: StreamSettings) -> Iterator[KafkaAdminClient]:
    admin = kafka_client.open_admin(settings)
    try:
        with kafka_client.broker_errors(settings):
            yield admin
    finally:
        admin.close()


def _run(role: Role) -> None:
    """Create what is missing and say what was created."""
    settings = role.settings("stream", StreamSettings)
    topics = Topics(role.flags.model, settings.topic_prefix)
    wait_for_broker(settings)
    made = create_topics(settings, topics)
    sys.stdout.write(f"made {', '.join(made)}\n" if made else "all topics are there already\n")


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    flags = parser("topics", "Make the topics of a model.")
    flags.add_argument("action", choices=("create",), help="what to do")
    flags.add_argument("--model", required=True, help="the model's name")
    return run_role("topics", flags, _run, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
