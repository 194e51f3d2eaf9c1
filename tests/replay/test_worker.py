"""A worker on a real Kafka, and on queues that fail."""

from functools import partial
from threading import Event as Flag
from threading import Thread

import pytest
from prometheus_client import REGISTRY

from replay.generate.resynthesis import Resynthesis
from replay.settings import ReplaySettings
from replay.worker import Faults, Worker, slot_of
from stream.image_codec import decode_image
from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.kafka.work_queue import WorkQueue
from stream.messages.replay import ReplaySamples
from stream.process.errors import BrokerUnavailable, UnknownFormat, WorkLost
from tests.replay.small import MODEL, NOW_MS, SeedGenerator, handler, record_of, request
from tests.wait import PATIENCE_SECONDS, wait_until


class ListedQueue:
    """Gives the listed values, ``together`` of them before an answer; each writing ends as listed, and well after."""

    def __init__(self, values, *endings, together=1):
        self.values, self.endings, self.together = values, list(endings), together
        self.written, self.closed, self.in_hand = [], 0, 0

    def next_records(self, timeout_seconds, most):
        assert (timeout_seconds < 1, most) == (True, 1)
        assert (timeout_seconds == 0.0) == (self.in_hand > 0), "nobody waits with something in hand"
        if self.in_hand == min(self.together, len(self.values)):
            return []
        self.in_hand += 1
        return [record_of(self.values[self.in_hand - 1])]

    def answer(self, *answers):
        ending = self.endings.pop(0) if self.endings else None
        if ending is not None:
            raise ending
        assert len(answers) == self.in_hand
        self.written.append([record for part in answers for record in part.records])
        del self.values[: self.in_hand]
        self.in_hand = 0

    def close(self):
        self.closed += 1
        self.in_hand = 0


class UntilEmpty(Flag):
    """Tells a worker to stop once its queue is empty."""

    def __init__(self, queue):
        super().__init__()
        self._queue = queue

    def is_set(self):
        return not self._queue.values


def run(queue):
    worker = Worker(MODEL, handler(SeedGenerator()), lambda: queue, lambda: NOW_MS, Faults())
    worker.run(UntilEmpty(queue))


def counted(outcome):
    return REGISTRY.get_sample_value("r2r_replay_requests_total", {"model": MODEL, "outcome": outcome}) or 0


def test_an_answer_that_was_not_written_is_made_again_on_a_new_queue():
    queue = ListedQueue([request(1).to_bytes(), request(2).to_bytes()], WorkLost("w"), BrokerUnavailable("b"))
    before = counted("answered")
    run(queue)
    assert [ReplaySamples.from_bytes(records[0].value).cluster for records in queue.written] == [1, 2]
    assert queue.closed == 3
    assert counted("answered") - before == 2


def test_three_failures_in_a_row_are_an_error():
    queue = ListedQueue([request().to_bytes()], *(BrokerUnavailable("Kafka does not answer") for _ in range(3)))
    with pytest.raises(BrokerUnavailable, match="Kafka does not answer"):
        run(queue)
    assert queue.closed == 3


def test_failures_with_answers_between_them_are_not_in_a_row():
    queue = ListedQueue([request(number).to_bytes() for number in range(5)], *[WorkLost("w"), None] * 4)
    run(queue)
    assert (len(queue.written), queue.closed) == (5, 5)


def clusters(queue):
    return [[ReplaySamples.from_bytes(record.value).cluster for record in records] for records in queue.written]


def test_requests_that_are_quick_to_answer_are_answered_together():
    queue = ListedQueue([request(number).to_bytes() for number in range(5)], together=3)
    run(queue)
    assert clusters(queue) == [[0, 1, 2], [3, 4]]


def test_a_request_that_takes_its_time_is_answered_alone(monkeypatch):
    monkeypatch.setattr("replay.worker._TOGETHER_SECONDS", 0.0)
    queue = ListedQueue([request(number).to_bytes() for number in range(3)], together=3)
    run(queue)
    assert clusters(queue) == [[0], [1], [2]]


def test_large_answers_do_not_wait_for_each_other(monkeypatch):
    monkeypatch.setattr("replay.worker._TOGETHER_BYTES", 1)
    queue = ListedQueue([request(number).to_bytes() for number in range(2)], together=2)
    run(queue)
    assert clusters(queue) == [[0], [1]]


def test_what_was_written_together_and_failed_comes_again_together():
    queue = ListedQueue([request(number).to_bytes() for number in range(2)], WorkLost("w"), together=2)
    run(queue)
    assert (clusters(queue), queue.closed) == ([[0, 1]], 2)


def test_another_major_version_stops_it_before_anything_is_written():
    queue = ListedQueue([b'{"format":"r2r.replay-request/2.0"}'])
    with pytest.raises(UnknownFormat):
        run(queue)
    assert (queue.written, queue.closed) == ([], 1)


@pytest.fixture
def topics(stream_settings):
    made = Topics(MODEL, stream_settings.topic_prefix)
    create_topics(stream_settings, made)
    return made


@pytest.fixture
def serving(stream_settings, topics):
    """Run a worker in a thread."""
    stopping, faults = Flag(), Faults()
    slot = slot_of(topics, 0, ReplaySettings())
    queue = partial(WorkQueue, stream_settings, topics.replay_requests, slot, faults)
    around = handler(Resynthesis(1.0), streaming=stream_settings)
    thread = Thread(target=Worker(MODEL, around, queue, lambda: NOW_MS, faults).run, args=[stopping])
    thread.start()
    yield
    stopping.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


@pytest.mark.usefixtures("serving")
def test_good_poisoned_and_expired_requests_are_each_dealt_with_once(stream_settings, topics):
    values = [request(1, images=40).to_bytes(), b"hello", request(2, expires_at_ms=NOW_MS).to_bytes()]
    values += [request(3, images=0).to_bytes(), b"", request(4, images=500).to_bytes()]
    expired = counted("expired")
    with BoundedProducer(stream_settings) as producer:
        for place, value in enumerate(values):
            producer.send(topics.replay_requests, b"id", value, partition=place % 3)
    written = partial(read_topic, stream_settings)
    wait_until(lambda: len(written(topics.replay_requests_dlq)) == 3 and counted("expired") > expired, what="all")
    wait_until(lambda: len({record.key for record in written(topics.replay_samples)}) == 2, what="both answers")
    answers = [ReplaySamples.from_bytes(record.value) for record in written(topics.replay_samples)]
    images = {1: 0, 4: 0}
    for batch in answers:
        images[batch.cluster] += len(batch.images)
        assert {decode_image(image, 10**6, 10**4).shape for image in batch.images} == {(8, 8, 3)}
    assert images == {1: 40, 4: 500}
    assert len({batch.id for batch in answers}) == len(answers)
    reasons = sorted(dict(record.headers)["r2r-reason"] for record in written(topics.replay_requests_dlq))
    assert reasons == [b"bad_count", b"not_json", b"not_json"]
