"""A dead-letter topic: its newest records, one record, and sending records back. Memory is bounded."""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from deploy.dead_letters.dead_letter import DeadLetter, original_headers
from deploy.status.newest_records import NewestRecords, read_record
from stream.kafka.admin import describe_topic
from stream.kafka.producer import BoundedProducer
from stream.log import Record
from stream.process.errors import R2RError
from stream.process.settings import StreamSettings

MOST_READ = 10_000
"""How many of the newest offsets of each partition are read by default."""


class DeadLetterMissing(R2RError):
    """A dead-letter topic has no record at a place."""


@dataclass(frozen=True)
class Overview:
    """What a dead-letter topic holds."""

    letters: list[DeadLetter]
    """The newest, oldest first."""
    reasons: dict[str, int]
    """How many there are by reason, among those that were read."""
    passed_over: int
    """Older offsets that were not read."""


class DeadLetterQueue:
    """The dead letters of ``topic``.

    Raises
    ------
    BrokerUnavailable, TopicMissing
        From every method.
    """

    def __init__(self, settings: StreamSettings, topic: str, most_read: int = MOST_READ) -> None:
        self._settings = settings
        self._most_read = most_read
        self.topic = topic

    def overview(self, limit: int, reason: str | None) -> Overview:
        """Read the newest letters; keep ``limit`` of them, of one ``reason`` where it is named."""
        reasons = Counter[str]()

        def wanted(records: NewestRecords) -> Iterator[DeadLetter]:
            for letter in map(DeadLetter.of, records.past_records(self._settings)):
                reasons[letter.reason] += 1
                if reason in (None, letter.reason):
                    yield letter

        with closing(NewestRecords(self._settings, self.topic, self._most_read)) as records:
            newest = heapq.nlargest(limit, wanted(records), key=lambda letter: letter.time_ms)
            return Overview(newest[::-1], dict(reasons.most_common()), records.passed_over)

    def letter(self, place: str) -> Record:
        """Return the record at ``partition/offset``.

        Raises
        ------
        DeadLetterMissing
            There is none.
        """
        partition, _, offset = place.partition("/")
        numbers = partition.isascii() and partition.isdecimal() and offset.isascii() and offset.isdecimal()
        found = read_record(self._settings, self.topic, int(partition), int(offset)) if numbers else None
        if found is None:
            message = f"{self.topic} has no record at {place!r}; `r2r dlq list` shows the places, as partition/offset"
            raise DeadLetterMissing(message)
        return found

    def resend(self, places: Sequence[str], *, keep_sequence: bool) -> Counter[str]:
        """Send the letters at ``places`` back to where they came from; return how many by what became of them."""
        return self._send((self.letter(place) for place in places), None, keep_sequence)

    def resend_all(self, reason: str | None, *, keep_sequence: bool) -> Counter[str]:
        """Send every letter that is there now back, or those of one reason."""
        with closing(NewestRecords(self._settings, self.topic, self._most_read)) as records:
            return self._send(records.past_records(self._settings), reason, keep_sequence)

    def _send(self, records: Iterator[Record], reason: str | None, keep_sequence: bool) -> Counter[str]:
        outcome, target = Counter[str](), self.topic.removesuffix(".dlq")  # whatever a record's headers claim
        partitions = describe_topic(self._settings, target).partitions
        with BoundedProducer(self._settings) as producer:
            for record in records:
                letter = DeadLetter.of(record)
                if reason not in (None, letter.reason):
                    continue
                if not letter.can_be_resent:
                    outcome["left, without its value"] += 1
                    continue
                partition = letter.partition if 0 <= letter.partition < partitions else None
                headers = original_headers(record.headers, keep_sequence=keep_sequence)
                producer.send(target, record.key, record.value, headers, partition)
                outcome["sent"] += 1
        return outcome
