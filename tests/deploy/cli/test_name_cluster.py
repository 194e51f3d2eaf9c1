"""`r2r name`: a person's word reaches a learner that runs, and the answer says which version will carry it."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.cli.errors import CommandUnanswered
from deploy.cli.name_cluster import main, version_of
from deploy.cli.send_command import new_command, send_command
from deploy.publish.promotion_state import PromotionState, PromotionStateFile
from deploy.registry.versions import Registry
from learner.faults import Faults
from learner.model.contract import live_ids
from learner.process import fix_threads
from learner.save.checkpoint import CheckpointStore
from learner.service import Learner, open_learner
from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.topics import Topics
from stream.messages.command import Command
from stream.process.clock import now_ms
from stream.process.settings import StreamSettings
from tests.deploy.published import publish
from tests.flows.preload import preload
from tests.learner.small import SETTINGS
from tests.wait import PATIENCE_SECONDS, wait_until

MODEL = "m"


@pytest.fixture
def learner(stream_settings: StreamSettings, tmp_path: Path) -> Iterator[Learner]:
    """Return a learner that follows its topics in a thread, with clusters."""
    topics = Topics(MODEL, stream_settings.topic_prefix)
    preload(stream_settings, topics, 0, 64)
    fix_threads(SETTINGS.threads)
    store = CheckpointStore(tmp_path / "checkpoints", MODEL, SETTINGS.keep_checkpoints, Faults())
    stopping = threading.Event()
    settings = SETTINGS.model_copy(update={"micro_task_seconds": 0.1, "replay": False})
    with open_learner(stream_settings, settings, topics, store, now_ms, Faults()) as opened:
        following = threading.Thread(target=opened.learn, args=(stopping,))
        following.start()
        try:
            wait_until(lambda: opened.state.progress.updates > 0 or not following.is_alive(), what="the first update")
            yield opened
        finally:
            stopping.set()
            following.join(PATIENCE_SECONDS)


def flags(streaming: StreamSettings, home: Path) -> list[str]:
    found = ["--home", str(home), "--model", MODEL, "--set", f"stream.topic_prefix={streaming.topic_prefix}"]
    return [*found, "--set", f"stream.bootstrap_servers={streaming.bootstrap_servers}"]


def test_a_cluster_is_named_cleared_and_a_mistake_is_refused(
    learner: Learner, stream_settings: StreamSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = flags(stream_settings, tmp_path)
    cluster = max(live_ids(learner.state.model))
    assert main([f"cluster-{cluster}", "three", *common]) == 0
    task = learner.state.progress.task_seq
    assert capsys.readouterr().out == f"cluster {cluster} is called three from version {task} on\n"
    assert learner.state.names.given == {cluster: "three"}
    PromotionStateFile(str(tmp_path / "registry"), MODEL).save(PromotionState(MODEL, pinned=1))
    assert main([str(cluster), "--clear", "--json", *common]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["pinned"], told["evidence"]["name"]) == ("naming", 1, "")
    assert learner.state.names.given == {}
    assert main(["4711", "none", *common]) == 1
    assert "there is no live cluster 4711" in capsys.readouterr().err


def test_the_version_that_will_carry_it_is_reported_also_after_a_rollback(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    assert version_of(registry, MODEL, 9) == 9
    old = publish(registry, MODEL, 8)
    assert version_of(registry, MODEL, 9) == 9
    for rolled in (9, 10):
        registry.add_candidate(replace(registry.manifest(MODEL, 8), version=rolled), old)
        registry.promote(MODEL, rolled)
    assert version_of(registry, MODEL, 9) == 11
    registry.add_candidate(replace(registry.manifest(MODEL, 8), version=11, task_seq=9), old)
    registry.promote(MODEL, 11)
    assert version_of(registry, MODEL, 9) == 11


def test_without_a_learner_the_command_stands_and_its_sender_gets_an_error(
    stream_settings: StreamSettings,
) -> None:
    topics = Topics(MODEL, stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    command = new_command(MODEL, "name", {"cluster": 1, "name": "one"}, 17)
    with pytest.raises(CommandUnanswered, match="takes effect when the learner of model m comes to it"):
        send_command(stream_settings, topics, command, wait_seconds=0.1)
    (record,) = read_topic(stream_settings, topics.commands)
    assert Command.from_bytes(record.value or b"") == command


@pytest.mark.parametrize("argv", [["7"], ["7", "seven", "--clear"], ["seven", "7"], ["-1", "x"]])
def test_a_wrong_use_ends_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
