"""A work queue on a real Kafka: what is answered is seen once, whoever answers it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import pytest

from stream.kafka.admin import create_topics
from stream.kafka.answers import Answers
from stream.kafka.client import open_admin
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.kafka.work_queue import Slot, WorkQueue
from stream.log import Record
from stream.process.deadline import Deadline
from stream.process.errors import BrokerUnavailable, TopicMissing, WorkerFenced, WorkLost
from stream.process.faults import Faults
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS, wait_until


class Died(Exception):
    """Stands for the end of a process."""


class DiesInTransaction(Faults):
    def reached(self, point: str) -> None:
        raise Died(point)


@dataclass(frozen=True)
class Place:
    """Topics of their own, with as many records as were asked for."""

    streaming: StreamSettings
    topics: Topics

    def send(self, count: int) -> None:
        with BoundedProducer(self.streaming) as producer:
            for number in range(count):
                partition = number % self.streaming.frame_partitions
                producer.send(self.topics.replay_requests, b"k", b"%d" % number, partition=partition)

    def queue(self, number: int = 0, faults: Faults | None = None, session_seconds: float = 6.0) -> WorkQueue:
        prefix = self.topics.prefix
        slot = Slot(f"{prefix}.group", f"{number}", f"{prefix}/{number}", session_seconds, 60.0)
        return WorkQueue(self.streaming, self.topics.replay_requests, slot, faults or Faults())

    def answered(self) -> list[bytes | None]:
        return sorted(record.value or b"" for record in read_topic(self.streaming, self.topics.replay_samples))

    def answer(self, queue: WorkQueue, records: list[Record]) -> None:
        answers = Answers(self.streaming)
        for record in records:
            answers.send(self.topics.replay_samples, record.key, record.value)
        queue.answer(answers)


@pytest.fixture
def place(stream_settings: StreamSettings) -> Place:
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    return Place(stream_settings, topics)


def given(queue: WorkQueue, most: int = 1) -> list[Record]:
    """Return the next records, however long the group takes to form."""
    records: list[Record] = []
    wait_until(lambda: records.extend(queue.next_records(0.1, most)) or records, what="the queue's next records")
    return records


def test_what_is_answered_is_seen_once_and_not_given_again(place: Place) -> None:
    place.send(6)
    with closing(place.queue()) as queue:
        for _ in range(4):
            place.answer(queue, given(queue))
    with closing(place.queue()) as again:
        while len(place.answered()) < 6:
            place.answer(again, given(again))
        assert again.next_records(0.3, 1) == []
    assert place.answered() == [b"%d" % number for number in range(6)]


def test_many_records_are_answered_at_once(place: Place) -> None:
    place.send(30)
    with closing(place.queue()) as queue:
        while len(place.answered()) < 30:
            place.answer(queue, given(queue, most=100))
    assert len(set(place.answered())) == 30


def test_what_was_given_and_not_answered_is_given_again(place: Place) -> None:
    place.send(1)
    with closing(place.queue()) as queue:
        before = given(queue)
    with closing(place.queue()) as again:
        assert given(again) == before


def test_a_record_can_be_answered_by_nothing(place: Place) -> None:
    place.send(3)
    with closing(place.queue()) as queue:
        for _ in range(3):
            given(queue)
            queue.answer(Answers(place.streaming))
        assert queue.next_records(0.3, 1) == []
    assert place.answered() == []


def test_what_is_given_before_the_answer_is_answered_with_it(place: Place) -> None:
    place.send(9)
    with closing(place.queue()) as queue:
        place.answer(queue, [record for _ in range(9) for record in given(queue)])
    with closing(place.queue()) as again:
        assert again.next_records(0.3, 1) == []
    assert place.answered() == [b"%d" % number for number in range(9)]


def test_where_the_group_forms_anew_what_is_in_hand_is_lost_and_given_again(place: Place) -> None:
    place.send(9)
    with closing(place.queue(0)) as one, ThreadPoolExecutor() as pool:
        before = given(one)
        with closing(place.queue(1)) as other:
            joining = pool.submit(given, other)
            with pytest.raises(WorkLost, match="another worker came or went"):
                wait_until(lambda: one.next_records(0.1, 1) is None, what="the group to form anew")
            one.close()
            place.answer(other, joining.result())
        with closing(place.queue(0)) as again:
            while len(place.answered()) < 9:
                place.answer(again, given(again))
    assert place.answered() == [b"%d" % number for number in range(9)]
    assert before


def test_two_slots_share_the_records_and_each_is_answered_once(place: Place) -> None:
    with closing(place.queue(0)) as one, closing(place.queue(1)) as other:
        shares, sent = {one: 0, other: 0}, 0
        deadline = Deadline(PATIENCE_SECONDS)
        while min(shares.values()) == 0 or sum(shares.values()) < sent:
            assert not deadline.expired, shares
            if sum(shares.values()) == sent:
                place.send(3)
                sent += 3
            for queue in shares:
                if records := queue.next_records(0.05, 1):
                    place.answer(queue, records)
                    shares[queue] += 1
    assert len(place.answered()) == sent


def test_what_a_dead_worker_had_begun_is_never_seen(place: Place) -> None:
    place.send(1)
    with closing(place.queue(0, DiesInTransaction())) as dying:
        records = given(dying)
        with pytest.raises(Died):
            place.answer(dying, records)
        with closing(place.queue(0)) as heir:  # the same slot, while the transaction stands open
            assert given(heir) == records
            place.answer(heir, records)
    (answer,) = read_topic(place.streaming, place.topics.replay_samples)
    assert answer.value == b"0"
    assert answer.offset > 0, "the first answer is in the log, aborted"


def test_the_older_of_two_processes_in_one_slot_stops_and_writes_nothing(place: Place) -> None:
    place.send(1)
    with closing(place.queue()) as older:
        records = given(older)
        with closing(place.queue()) as newer:
            assert given(newer) == records
            with pytest.raises(WorkerFenced, match=r"another process has taken over 0 of .* with --worker"):
                place.answer(older, records)
            place.answer(newer, records)
    assert place.answered() == [b"0"]


@dataclass(frozen=True)
class Member:
    """Who is to be thrown out of a group, as Kafka does with members that give no sign of life."""

    group_instance_id: str
    member_id: None = None
    reason: None = None


def test_who_was_given_up_writes_nothing(place: Place) -> None:
    place.send(1)
    with closing(place.queue(0)) as slow, closing(place.queue(1)) as quick:
        records = given(slow)
        with closing(open_admin(place.streaming)) as admin:
            admin.remove_group_members(f"{place.topics.prefix}.group", [Member("0")])
        assert given(quick) == records
        with pytest.raises(WorkLost, match="its records were dealt out anew"):
            place.answer(slow, records)
        place.answer(quick, records)
    assert place.answered() == [b"0"]


def test_a_topic_that_is_not_there_is_one_sentence(stream_settings: StreamSettings) -> None:
    with pytest.raises(TopicMissing, match="r2r topics create"):
        Place(stream_settings, Topics("nobody", stream_settings.topic_prefix)).queue()


def test_a_broker_that_is_away_is_one_sentence(absent_broker: StreamSettings) -> None:
    with pytest.raises(BrokerUnavailable, match="r2r broker"):
        Place(absent_broker, Topics("m")).queue()


def test_a_slot_that_kafka_refuses_is_one_sentence_and_no_endless_loop(place: Place) -> None:
    with closing(place.queue(session_seconds=1.0)) as queue, pytest.raises(BrokerUnavailable, match="refuses 0 of"):
        given(queue)


def test_a_queue_may_be_closed_again(place: Place) -> None:
    queue = place.queue()
    queue.close()
    queue.close()
