"""Positions committed to a consumer group, so that lag tools and autoscalers see how far a role is; never read back."""

import logging
import threading
from collections.abc import Mapping

from stream.kafka import client as kafka_client
from stream.kafka.client import KafkaAdminClient, KafkaError, OffsetAndMetadata, RetriableError, TopicPartition
from stream.process.deadline import Deadline
from stream.process.errors import BrokerUnavailable
from stream.process.settings import StreamSettings

_TIMEOUT_SECONDS = 2.0
_PAUSE_SECONDS = 0.05
_log = logging.getLogger(__name__)


class GroupOffsets:
    """Commits positions of one topic; connects at the first commit."""

    def __init__(self, settings: StreamSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._admin: KafkaAdminClient | None = None

    def commit(self, positions: Mapping[int, int], group: str) -> bool:
        """Tell Kafka the next unread offset of each partition; ``group`` must have no members.

        Blocks a few seconds at most. Returns False, with a line in the log, where Kafka did not take it.
        """
        offsets = {
            TopicPartition(self._topic, partition): kafka_client.next_offset(offset)
            for partition, offset in positions.items()
        }
        try:
            answers = self._alter(group, offsets, Deadline(_TIMEOUT_SECONDS))
        except (KafkaError, BrokerUnavailable) as error:
            _log.warning("offsets of group %s are not committed, lag tools show old ones: %s", group, error)
            return False
        refused = {tp.partition: answer.__name__ for tp, answer in answers.items() if answer.__name__ != "NoError"}
        if refused:
            _log.warning("offsets of group %s are refused, is a consumer in that group? %s", group, refused)
        return not refused

    def close(self) -> None:
        """Disconnect; may be called again."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _alter(
        self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata], deadline: Deadline
    ) -> Mapping[TopicPartition, type[BaseException]]:
        if self._admin is None:
            self._admin = kafka_client.open_admin(self._settings, _TIMEOUT_SECONDS)
        while True:  # a cluster's first commit creates the offsets topic, and finds its coordinator loading it
            try:
                answers = dict(self._admin.alter_group_offsets(group, offsets))
            except RetriableError:
                if deadline.expired:
                    raise
            else:
                if deadline.expired or not any(issubclass(answer, RetriableError) for answer in answers.values()):
                    return answers
            threading.Event().wait(min(_PAUSE_SECONDS, deadline.remaining_seconds))
