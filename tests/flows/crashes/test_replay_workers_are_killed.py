"""kill -9 at each named point: every request is answered once, by the worker started again or by another one."""

import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from replay.worker import Faults
from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.process.settings import StreamSettings
from tests.conftest import patient_settings
from tests.flows.replay_process import ReplayProcess, answers, send
from tests.replay.small import request
from tests.wait import wait_until

IMAGES = 40
REQUESTS = 6
Ending = tuple[Topics, Counter[str]]


def requests_for(topics: Topics) -> list:
    return [replace(request(number, IMAGES), model=topics.model) for number in range(REQUESTS)]


def killed_at_each_point(streaming: StreamSettings, folder: Path) -> Ending:
    """Kill one worker at a point, start it again to be killed at the next one, and at last let it work."""
    topics = prepared(streaming, "again")
    for point in Faults.points:
        with ReplayProcess(folder, streaming, topics, faults=f"kill={point}@1") as worker:
            assert worker.ended() == (-signal.SIGKILL, "")
    with ReplayProcess(folder, streaming, topics) as worker:
        wait_until(lambda: len(answers(streaming, topics)) == REQUESTS, what="all answers")
        assert worker.stopped() == (0, "")
    return topics, answers(streaming, topics)


def killed_for_good(streaming: StreamSettings, folder: Path) -> Ending:
    """Kill one of two workers and never start it again."""
    topics = prepared(streaming, "taken_over")
    with ReplayProcess(folder, streaming, topics, worker=0, faults="kill=mid_generation@4") as dying:
        assert dying.ended() == (-signal.SIGKILL, "")
    with ReplayProcess(folder, streaming, topics, worker=1) as heir:
        wait_until(lambda: len(answers(streaming, topics)) == REQUESTS, what="all answers")
        assert heir.stopped() == (0, "")
    return topics, answers(streaming, topics)


def of_another_release(streaming: StreamSettings, folder: Path) -> tuple[int, str]:
    topics = Topics("newer", streaming.topic_prefix)
    create_topics(streaming, topics)
    with BoundedProducer(streaming) as producer:
        producer.send(topics.replay_requests, b"id", b'{"format":"r2r.replay-request/2.0"}')
    with ReplayProcess(folder, streaming, topics) as worker:
        return worker.ended()


def prepared(streaming: StreamSettings, model: str) -> Topics:
    topics = Topics(model, streaming.topic_prefix)
    create_topics(streaming, topics)
    send(streaming, topics, requests_for(topics))
    return topics


@pytest.fixture(scope="module")
def streaming(broker: str) -> StreamSettings:
    return patient_settings(broker, "killed")


@pytest.fixture(scope="module")
def runs(streaming: StreamSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future]]:
    """Run them side by side: most of each is waiting for processes to start."""
    parts = (killed_at_each_point, killed_for_good, of_another_release)
    with ThreadPoolExecutor(len(parts)) as pool:
        yield {part.__name__: pool.submit(part, streaming, tmp_path_factory.mktemp(part.__name__)) for part in parts}


@pytest.mark.parametrize("run", ["killed_at_each_point", "killed_for_good"])
def test_each_request_is_answered_once(runs, run):
    topics, answered = runs[run].result()
    assert answered == {wanted.id: IMAGES for wanted in requests_for(topics)}


def test_what_a_killed_worker_had_written_lies_in_the_log_and_no_reader_sees_it(streaming, runs):
    topics, _ = runs["killed_at_each_point"].result()
    offsets = [record.offset for record in read_topic(streaming, topics.replay_samples)]
    assert len(offsets) == REQUESTS
    assert min(offsets) >= 2, "the first transaction was aborted: an answer at least, and its end"


def test_a_request_of_another_major_version_stops_the_worker_with_one_sentence(runs):
    code, told = runs["of_another_release"].result()
    assert code == 1
    assert told.startswith("replay-0: this release reads r2r.replay-request/1.1, but the document is")
    assert "update this role first" in told
    assert len(told.splitlines()) == 1
