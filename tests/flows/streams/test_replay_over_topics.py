"""Replay and commands on a real Kafka: a worker that answers, repeats itself, sends garbage, or comes late."""

from collections.abc import Callable
from contextlib import closing

import pytest

from learner.service import Learner
from stream.kafka.consumer import TopicTail, read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.command import Command
from stream.messages.event import Event
from stream.messages.replay import ReplayRequest
from stream.process.settings import StreamSettings
from tests.flows.preload import AfterTask, opened_learner, preload
from tests.learner.workers import painted
from tests.wait import PATIENCE_SECONDS, wait_until

FRAMES = 272  # a change is noticed and learned from, and some frames come after it
LAST_TASK = 15


@pytest.fixture
def one_partition(stream_settings: StreamSettings) -> StreamSettings:
    """In one partition the digits keep their order, so that their classes change where they do in memory."""
    return stream_settings.model_copy(update={"frame_partitions": 1})


class Between(AfterTask):
    """Lets a test act between the learner's plans, in its thread: what is sent then is there for the next plan."""

    def __init__(self, learner: Learner, task_seq: int, act: Callable[[], object]) -> None:
        super().__init__(learner, task_seq)
        self._act = act

    def is_set(self) -> bool:
        self._act()
        return super().is_set()


class Worker:
    """Answers requests as they come; ``sends`` says with which values."""

    def __init__(self, streaming, topics, learner, sends):
        self._tail = TopicTail(streaming, topics.replay_requests)
        self._producer = BoundedProducer(streaming)
        self._topics, self._learner, self._sends = topics, learner, sends
        self.requests: list[ReplayRequest] = []

    def work(self):
        """Answer what is there, and return once the learner has it in its buffer."""
        asked = len(self._learner.state.replay.asked)
        if asked <= len(self.requests):
            return
        came: list[ReplayRequest] = []
        wait_until(lambda: came.extend(self._next()) or len(self.requests) + len(came) == asked)
        self.requests += came
        values = [value for request in came for value in self._sends(request)]
        for value in values:
            self._producer.send(self._topics.replay_samples, None, value)
        self._producer.flush(PATIENCE_SECONDS)
        wait_until(lambda: self._learner.logs.samples.poll(0.05) or self._waiting() == len(values))

    def _next(self):
        return [ReplayRequest.from_bytes(record.value) for record in self._tail.next_records(0.05)]

    def _waiting(self):
        return sum(map(len, self._learner.logs.samples.waiting().records.values()))

    def close(self):
        self._tail.close()
        self._producer.close()


def events(streaming, topics):
    return [Event.from_bytes(record.value) for record in read_topic(streaming, topics.events)]


def update_evidence(streaming, topics):
    return [event.evidence for event in events(streaming, topics) if event.kind == "update"]


def test_an_answer_is_used_once_whatever_else_comes_on_the_topic(one_partition, tmp_path):
    topics = Topics("m", one_partition.topic_prefix)
    preload(one_partition, topics, 0, FRAMES)

    def garbage_and_everything_twice(request):
        halves = [painted(request, request.images // 2, part, 2).to_bytes() for part in (0, 1)]
        return [b"garbage", halves[1], halves[1][:100], halves[0], halves[1], halves[0]]

    with (
        opened_learner(one_partition, topics, tmp_path) as learner,
        closing(Worker(one_partition, topics, learner, garbage_and_everything_twice)) as worker,
    ):
        learner.learn(Between(learner, LAST_TASK, worker.work))
    assert [request.cluster for request in worker.requests] == [0, 1]
    first, second, *_ = update_evidence(one_partition, topics)
    assert first["samples_requested"] == 0
    complete = sum(request.images // 2 * 2 for request in worker.requests)
    assert second["samples_used"] == second["samples_used_in_time"] == second["samples_in_time"] == complete
    (refused,) = [event.evidence for event in events(one_partition, topics) if event.kind == "samples_refused"]
    assert refused["batches"] == second["samples_refused"] == 8
    assert refused["reasons"] == ["duplicate", "not_json"]


def test_a_late_answer_waits_for_the_next_update_and_nothing_waits_for_it(one_partition, tmp_path):
    topics = Topics("m", one_partition.topic_prefix)
    preload(one_partition, topics, 0, FRAMES)
    with (
        opened_learner(one_partition, topics, tmp_path) as learner,
        closing(Worker(one_partition, topics, learner, lambda asked: [painted(asked).to_bytes()])) as worker,
    ):
        learner.learn(Between(learner, LAST_TASK, lambda: learner.state.progress.updates == 2 and worker.work()))
        counts, waiting = learner.state.replay.counts, len(learner.state.replay.generated)
    wanted = sum(request.images for request in worker.requests)
    assert (waiting, counts.late, counts.in_time) == (wanted, wanted, 0)
    assert update_evidence(one_partition, topics)[1]["samples_used"] == 0


def test_a_name_is_a_new_version_and_a_wrong_one_is_told(one_partition, tmp_path):
    topics = Topics("m", one_partition.topic_prefix)
    preload(one_partition, topics, 0, 96)

    def name_once():
        if learner.state.progress.updates and not sent:
            for number, (cluster, name) in enumerate([(1, "one"), (77, "nobody")]):
                command = Command(f"c{number}", "m", "name", {"cluster": cluster, "name": name}, 0)
                sent.append(command)
                producer.send(topics.commands, command.id.encode(), command.to_bytes())
            producer.flush(PATIENCE_SECONDS)
            wait_until(lambda: learner.logs.commands.poll(0.05) or len(learner.logs.commands.waiting().records[0]) == 2)

    sent: list[Command] = []
    with BoundedProducer(one_partition) as producer, opened_learner(one_partition, topics, tmp_path) as learner:
        learner.learn(Between(learner, 5, name_once))
        assert learner.state.names.given == {1: "one"}
    told = [(event.kind, event.task_seq) for event in events(one_partition, topics)][-2:]
    assert told == [("naming", 4), ("command_refused", 4)]
    ready = [CheckpointReady.from_bytes(record.value) for record in read_topic(one_partition, topics.checkpoints)]
    assert [(one.task_seq, one.publish) for one in ready] == [(3, True), (4, True), (5, False)]
