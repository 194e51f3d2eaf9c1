"""What a user can get wrong ends the real process with one sentence and its remedy; the trace is in the log alone."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from learner.faults import Faults
from learner.save.checkpoint import CheckpointStore
from learner.state import LearnerState
from stream.kafka.topics import Topics
from stream.process.ports import free_port
from stream.process.settings import StreamSettings
from tests.conftest import patient_settings
from tests.flows.learner_process import LearnerProcess, check_that_plans_tile, write_settings, written_plans
from tests.flows.preload import preload
from tests.learner.small import SETTINGS
from tests.wait import wait_until

MODEL = "m"
SENTENCES = {
    "broker_away": r"Kafka does not answer at 127.0.0.1:\d+ .* start it with `r2r broker`",
    "unknown_setting": r"'epoch' is not a setting of \[learner.autoencoder\]; did you mean 'epochs'\?",
    "corrupt_checkpoint": r"state.json does not have the checksum .* name a new model .* starts from nothing",
    "port_taken": r"port \d+ for /metrics is taken; free it or choose another with --metrics-port",
    "disk_full": r"no space is left for a checkpoint in .*; free some and start the learner again",
}


@dataclass(frozen=True)
class Place:
    """A folder of its own for one error, and a broker."""

    streaming: StreamSettings
    folder: Path

    @property
    def store(self) -> CheckpointStore:
        return CheckpointStore(self.folder / "home" / "checkpoints", MODEL, 2, Faults())

    def learner(self, *flags: str) -> LearnerProcess:
        write_settings(self.folder, self.streaming, SETTINGS)
        return LearnerProcess(self.folder, MODEL, *flags)

    def log(self) -> Path:
        return self.folder / "home" / "logs" / f"learner-{MODEL}.log"


def broker_away(place: Place) -> tuple[int, str, Place]:
    away = [f"stream.bootstrap_servers=127.0.0.1:{free_port()}", "stream.broker_timeout_seconds=0.5"]
    with place.learner(*[text for setting in away for text in ("--set", setting)]) as learner:
        return *learner.ended(), place


def unknown_setting(place: Place) -> tuple[int, str, Place]:
    with place.learner("--set", "learner.autoencoder.epoch=3") as learner:
        return *learner.ended(), place


def corrupt_checkpoint(place: Place) -> tuple[int, str, Place]:
    saved = place.store.save(LearnerState.new(SETTINGS), {}, 0)
    (saved.folder / "state.json").write_bytes(b"{}")
    with place.learner() as learner:
        return *learner.ended(), place


def port_taken(place: Place) -> tuple[int, str, Place]:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        place.learner("--metrics-port", str(taken.getsockname()[1])) as learner,
    ):
        return *learner.ended(), place


def disk_full(place: Place) -> tuple[int, str, Place]:
    """Lead the pointer to the newest checkpoint to the device without space; then free it and start again."""
    topics = Topics(MODEL, place.streaming.topic_prefix)
    ends = preload(place.streaming, topics, 0, 64)
    with place.learner() as learner:
        place.store.folder.mkdir(parents=True)
        (place.store.folder / f".CURRENT.{learner.process.pid}.tmp").symlink_to("/dev/full")
        code, told = learner.ended()
    assert place.store.newest() is None
    with place.learner() as learner:
        learner.wait_until_planned(place.streaming, topics, ends)
        wait_until(place.store.newest, what="the checkpoint of the update")
        assert learner.stopped() == (0, "")
    check_that_plans_tile(written_plans(place.streaming, topics), ends)
    return code, told, place


ERRORS = {
    "broker_away": broker_away,
    "unknown_setting": unknown_setting,
    "corrupt_checkpoint": corrupt_checkpoint,
    "port_taken": port_taken,
    "disk_full": disk_full,
}


@pytest.fixture(scope="module")
def ended(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[tuple[int, str, Place]]]]:
    """Let all errors happen, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        found = {}
        for name, happens in ERRORS.items():
            streaming = patient_settings(broker, f"errors-{name}")
            place = Place(streaming, tmp_path_factory.mktemp(name))
            found[name] = pool.submit(happens, place)
        yield found


@pytest.mark.parametrize("name", SENTENCES)
def test_one_sentence_with_the_remedy_and_the_trace_in_the_log_alone(ended, name):
    code, told, place = ended[name].result()
    assert code == 1
    assert told.count("\n") == 1, told
    assert told.startswith("learner: ")
    assert told.endswith(f"(log: {place.log()})\n")
    assert re.search(SENTENCES[name], told), told
    assert "Traceback" in place.log().read_text()


def test_after_a_full_disk_nothing_is_lost(ended):
    _, _, place = ended["disk_full"].result()
    newest = place.store.newest_good()
    assert newest is not None
