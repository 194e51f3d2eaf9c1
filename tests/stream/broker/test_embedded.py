"""A broker of this module's own, for what would hurt the suite's: frozen, killed, started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from stream.broker.embedded import EmbeddedBroker, new_cluster_id
from stream.kafka.admin import create_topics, wait_for_broker
from stream.kafka.consumer import PartitionConsumer, read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.kafka.transactions import TransactionalWriter
from stream.messages.task_plan import OffsetRange
from stream.process.errors import BrokerNotStarted, BrokerUnavailable, PortTaken
from stream.process.ports import free_port
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS, wait_until

TOPICS = Topics("m", "own")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("own-kafka"), free_port()) as broker:
        create_topics(StreamSettings(bootstrap_servers=broker.address), TOPICS)
        yield broker


@pytest.fixture
def hasty(own: EmbeddedBroker) -> StreamSettings:
    return StreamSettings(
        bootstrap_servers=own.address,
        in_flight_bytes=20_000,
        broker_timeout_seconds=1.0,
        delivery_timeout_seconds=1.0,
    )


@contextmanager
def frozen(broker: EmbeddedBroker) -> Iterator[None]:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def test_a_producer_holds_bounded_bytes_and_says_so_when_the_broker_is_silent(
    own: EmbeddedBroker, hasty: StreamSettings
) -> None:
    producer = BoundedProducer(hasty)
    producer.send(TOPICS.frames, b"k", b"first")
    producer.flush(1.0)
    sizes: list[int] = []
    with frozen(own):
        with pytest.raises(BrokerUnavailable, match="not acknowledged"):
            send_until_refused(producer, 10 * hasty.in_flight_bytes, sizes)
        assert hasty.in_flight_bytes / 2 < max(sizes) <= hasty.in_flight_bytes
        with pytest.raises(BrokerUnavailable):
            producer.flush(3.0)
        with pytest.raises(BrokerUnavailable):
            producer.send(TOPICS.frames, b"k", b"later")
        producer.close()


def send_until_refused(producer: BoundedProducer, total_bytes: int, sizes: list[int]) -> None:
    for _ in range(total_bytes // 1000):
        producer.send(TOPICS.frames, b"k", b"x" * 1000)
        sizes.append(producer.in_flight_bytes)


def test_a_consumer_meets_a_silent_broker_with_patience_in_poll_and_a_deadline_in_take(
    own: EmbeddedBroker, hasty: StreamSettings
) -> None:
    with BoundedProducer(hasty) as producer:
        producer.send(TOPICS.truth, b"k", b"before", partition=0)
    with closing(PartitionConsumer(hasty, TOPICS.truth)) as log:
        with frozen(own):
            log.poll(0.1)
            with pytest.raises(BrokerUnavailable):
                log.take({0: OffsetRange(0, 1)})
            assert log.commit({0: 1}, "r2r-own") is False
        wait_until(lambda: log.poll(0.1) or log.waiting().records[0])


def test_a_plan_that_is_not_confirmed_in_time_raises(own: EmbeddedBroker, hasty: StreamSettings) -> None:
    with closing(TransactionalWriter(hasty, "learner/own")) as writer:
        writer.write(TOPICS.tasks, b"id", b"confirmed")
        with frozen(own), pytest.raises(BrokerUnavailable, match="does not answer"):
            writer.write(TOPICS.tasks, b"id", b"undecided")
    with closing(TransactionalWriter(hasty, "learner/own")) as writer:
        writer.write(TOPICS.tasks, b"id", b"after")
    values = [record.value for record in read_topic(hasty, TOPICS.tasks)]
    assert [values[0], values[-1]] == [b"confirmed", b"after"]


def test_a_killed_broker_starts_again_with_all_that_was_acknowledged_and_its_clients_go_on(own: EmbeddedBroker) -> None:
    settings = StreamSettings(bootstrap_servers=own.address, broker_timeout_seconds=PATIENCE_SECONDS)
    with (
        BoundedProducer(settings) as producer,
        closing(TransactionalWriter(settings, "learner/restart")) as writer,
        closing(PartitionConsumer(settings, TOPICS.frames_dlq)) as log,
    ):
        for number in range(50):
            producer.send(TOPICS.frames_dlq, b"k", b"%d" % number, partition=0)
        producer.flush(PATIENCE_SECONDS)
        writer.write(TOPICS.checkpoints, b"id", b"before")
        kill(own)
        log.poll(0.1)
        with ThreadPoolExecutor() as threads:
            written = threads.submit(writer.write, TOPICS.checkpoints, b"id", b"while it is away")
            own.start()
            written.result(PATIENCE_SECONDS)
        producer.send(TOPICS.frames_dlq, b"k", b"50", partition=0)
        producer.flush(PATIENCE_SECONDS)
        wait_until(lambda: log.poll(0.1) or len(log.waiting().records[0]) == 51)
        assert [int(record.value or b"") for record in log.waiting().records[0]] == list(range(51))
    plans = [record.value for record in read_topic(settings, TOPICS.checkpoints)]
    assert plans == [b"before", b"while it is away"]


def kill(broker: EmbeddedBroker) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    wait_until(lambda: broker.pid is None)
    with pytest.raises(BrokerNotStarted, match=r"ended with code.*kafka\.log"):
        broker.check()


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} for Kafka is taken.*choose another"):
            EmbeddedBroker(tmp_path, port).start()
    assert list(tmp_path.iterdir()) == [], "nothing was formatted"


def test_kafka_that_cannot_start_tells_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").write_text("version=1\ncluster.id=other\nnode.id=7\n")
    broker = EmbeddedBroker(tmp_path, free_port())
    with pytest.raises(BrokerNotStarted, match=r"node\.id|id.*kafka\.log"):
        broker.start()
    assert broker.pid is None


def test_the_role_runs_until_it_is_told_and_a_killed_role_takes_kafka_with_it(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    settings = StreamSettings(bootstrap_servers=address, broker_timeout_seconds=PATIENCE_SECONDS)
    command = [sys.executable, "-m", "stream.broker.embedded", "--home", str(tmp_path)]
    for end, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        role = subprocess.Popen([*command, "--port", address.rpartition(":")[2]], stdout=subprocess.PIPE)
        assert role.stdout is not None
        with role.stdout:
            assert address.encode() in role.stdout.readline()
            wait_for_broker(settings)
            role.send_signal(end)
            assert role.wait(PATIENCE_SECONDS) == code
        wait_until(lambda: not _listens(address), what="Kafka's end")


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 0.2).close()
    except OSError:
        return False
    return True


def test_a_cluster_id_is_never_taken_for_an_option():
    ids = [new_cluster_id() for _ in range(2000)]
    assert len(set(ids)) == len(ids)
    assert not [text for text in ids if text.startswith("-")]
