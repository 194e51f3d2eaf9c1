"""kill -9 at each named point: the restarted learner ends with the bits of one that was never interrupted."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from learner.faults import POINTS
from learner.plan.inputs import InputLogs
from learner.save.format import state_to_bytes
from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.log import Record
from stream.process.settings import StreamSettings
from tests.conftest import patient_settings
from tests.flows.ended_runs import Ended, differing, executed, run_to_the_end
from tests.flows.learner_process import LearnerProcess, check_that_plans_tile, write_settings
from tests.learner.small import SETTINGS, digits_frames, log_of_records, run_through

PARTITIONS = 3
FRAMES = 320
VISITS = {
    "plan_executed": 8,
    "plan_written": 9,
    "mid_update": 2,
    "checkpoint_half_written": 5,
    "checkpoint_renamed": 3,
    "announced": 3,
    "offsets_committed": 3,
}
PLANTED = "bug=commit_before_rename,kill=checkpoint_half_written@5"


@dataclass(frozen=True)
class Bench:
    """Frames that are all on the topic before any learner starts, and where processes have their homes."""

    streaming: StreamSettings
    records: list[Record]
    folder: Path

    @property
    def ends(self) -> dict[int, int]:
        return {partition: self._count(partition) for partition in range(PARTITIONS)}

    def _count(self, partition: int) -> int:
        return sum(record.partition == partition for record in self.records)


@pytest.fixture(scope="module")
def bench(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Preload so many frames that the last micro-task is full: then no cut depends on a clock."""
    streaming = patient_settings(broker, "crash", frame_partitions=PARTITIONS)
    topics = Topics("preload", streaming.topic_prefix)
    create_topics(streaming, topics)
    send(streaming, topics, 0, FRAMES)
    state, _ = run_through(log_of_records(read_topic(streaming, topics.frames)))
    missing = state.frames_wanted - (FRAMES - sum(state.positions.values()))
    send(streaming, topics, FRAMES, missing)
    return Bench(streaming, read_topic(streaming, topics.frames), tmp_path_factory.mktemp("crash"))


def send(streaming: StreamSettings, topics: Topics, first: int, count: int) -> None:
    with BoundedProducer(streaming) as producer:
        for place, frame in enumerate(digits_frames(first, count, PARTITIONS), first):
            producer.send(topics.frames, *frame.to_record(), place % PARTITIONS)


@pytest.fixture(scope="module")
def runs(bench: Bench) -> Iterator[dict[str, Future[Ended]]]:
    """Run them two at a time, as there are two cores; each model reads the same frames."""
    with ThreadPoolExecutor(2) as pool:
        started = {"uninterrupted": pool.submit(uninterrupted, bench)}
        started |= {point: pool.submit(killed_at, bench, point, f"kill={point}@{VISITS[point]}") for point in POINTS}
        started["planted"] = pool.submit(killed_at, bench, "planted", PLANTED)
        yield started


def uninterrupted(bench: Bench) -> Ended:
    return finished(bench, "uninterrupted")


def killed_at(bench: Bench, model: str, faults: str) -> Ended:
    """Run until the fault kills the learner, then start it again without one."""
    folder = bench.folder / model
    write_settings(folder, bench.streaming, SETTINGS)
    with LearnerProcess(folder, model, faults=faults) as learner:
        assert learner.ended() == (-signal.SIGKILL, "")
    return finished(bench, model)


def finished(bench: Bench, model: str) -> Ended:
    return run_to_the_end(bench.folder / model, bench.streaming, model, bench.ends)


def check(bench: Bench, reference: Ended, run: Ended) -> None:
    """Fail unless ``run`` is the reference's equal: plans tile the log, each bit of what was learned is the same."""
    check_that_plans_tile(run.plans, bench.ends)
    assert differing(reference.files, run.files) == []
    again = executed(run.plans, InputLogs(log_of_records(bench.records)))
    assert differing(again, run.files) == []
    assert json.loads(again["state.json"]) == json.loads(run.files["state.json"])


def test_the_uninterrupted_run_learns_more_than_once(bench, runs):
    run = runs["uninterrupted"].result()
    assert json.loads(run.files["state.json"])["updates"] >= 2
    check(bench, run, run)


def test_a_run_through_kafka_ends_as_one_in_memory(bench, runs):
    in_memory, _ = run_through(log_of_records(bench.records))
    assert differing(state_to_bytes(in_memory), runs["uninterrupted"].result().files) == []


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_restarted_it_ends_bit_identical(bench, runs, point):
    check(bench, runs["uninterrupted"].result(), runs[point].result())


def test_the_check_catches_a_commit_before_the_rename(bench, runs):
    with pytest.raises(AssertionError, match="incomplete"):
        check(bench, runs["uninterrupted"].result(), runs["planted"].result())
