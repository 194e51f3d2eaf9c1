"""Commands have their effect once, whenever the publisher dies and however often they are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.publish.promotion import PromotionController
from deploy.publish.promotion_state import PromotionState, PromotionStateFile
from deploy.registry.versions import Registry
from stream.log import Record
from stream.messages.command import Command
from tests.deploy.dying import Died, DyingAnnouncements, DyingStorage, Life, Topic
from tests.deploy.published import publish

MODEL = "digits"
CONTENTS = {20: b"twenty", 40: b"forty"}


def record(offset: int, value: bytes) -> Record:
    return Record(0, offset, 0, None, value, ())


def commands(*asked: tuple[str, int | None]) -> list[Record]:
    """Return the log of commands, each with an id of its own."""
    made = []
    for offset, (kind, version) in enumerate(asked):
        arguments: dict[str, str | int] = {} if version is None else {"version": version}
        made.append(record(offset, Command(f"id-{offset}", MODEL, kind, arguments, 0).to_bytes()))
    return made


ALL = commands(("rollback", 20), ("unpin", None), ("rollback", 7), ("pin", None), ("rollback", 20), ("unpin", None))


@dataclass
class World:
    """A registry with two versions, and what Kafka has."""

    root: str
    topic: Topic

    @classmethod
    def new(cls, root: str | Path) -> "World":
        for version, content in CONTENTS.items():
            publish(Registry(str(root)), MODEL, version, content)
        return cls(str(root), Topic(versions=set(CONTENTS)))

    def controller(self, life: Life, topic: str = "topic") -> PromotionController:
        registry = Registry(self.root)
        file = PromotionStateFile(self.root, MODEL)
        registry._storage = file._storage = DyingStorage(self.root, life)
        return PromotionController(registry, DyingAnnouncements(self.topic, life), file, topic, lambda: 17)  # type: ignore[arg-type]

    def run(self, log: Sequence[Record], life: Life | None = None, topic: str = "topic") -> PromotionController:
        """Start a process, resume, read the whole log."""
        controller = self.controller(Life() if life is None else life, topic)
        controller.resume()
        for command in log:
            controller.apply(command, None)
        return controller

    @property
    def registry(self) -> Registry:
        return Registry(self.root)

    @property
    def state(self) -> PromotionState:
        return PromotionStateFile(self.root, MODEL).load()

    def contents(self) -> dict[int, bytes]:
        return {version: self.registry.read_model(MODEL, version) for version in self.registry.versions(MODEL)}

    def outcomes(self) -> list[tuple[str, str]]:
        """Return each event once, as a reader sees it that drops ids it has seen."""
        return list(dict.fromkeys((event.id, event.kind) for event in self.topic.events))


def test_each_command_has_its_version_and_its_event(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    controller = world.run(ALL)
    assert controller.pinned is None
    assert world.contents() == {20: b"twenty", 40: b"forty", 41: b"twenty", 42: b"forty", 43: b"twenty", 44: b"forty"}
    assert world.registry.manifest(MODEL, 43).rolled_back_from == 20
    assert world.registry.manifest(MODEL, 43).task_seq == 20
    assert world.topic.versions == {20, 40, 41, 42, 43, 44}
    assert world.outcomes() == [
        ("digits/41/rollback/0", "rollback"),
        ("digits/42/unpin/1", "unpin"),
        ("digits/42/command_refused/2", "command_refused"),
        ("digits/42/pin/3", "pin"),
        ("digits/43/rollback/4", "rollback"),
        ("digits/44/unpin/5", "unpin"),
    ]


def test_killed_at_any_durable_change_and_started_again_the_end_is_the_same(tmp_path: Path) -> None:
    root = f"memory://{tmp_path.name}"  # on a disk it takes 15 s
    whole, life = World.new(f"{root}/whole"), Life()
    whole.run(ALL, life)
    assert life.made > 40
    for changes in range(life.made):
        world = World.new(f"{root}/{changes}")
        with pytest.raises(Died):
            world.run(ALL, Life(changes))
        world.run(ALL)
        assert world.contents() == whole.contents(), changes
        assert world.state == whole.state, changes
        assert world.outcomes() == whole.outcomes(), changes
        assert world.topic.versions == whole.topic.versions, changes
        assert world.registry.candidates(MODEL) == [], changes


def test_killed_at_every_start_it_comes_to_the_end_too(tmp_path: Path) -> None:
    world, changes, alive = World.new(tmp_path), 12, False
    while not alive:
        try:
            world.run(ALL, Life(changes))
            alive = True
        except Died:
            changes += 1
    assert world.outcomes()[-1] == ("digits/44/unpin/5", "unpin")
    assert sorted(world.contents()) == [20, 40, 41, 42, 43, 44]


def test_a_command_that_is_sent_twice_has_one_effect(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    first = ALL[0]
    world.run([first, record(1, first.value or b"")])
    world.run([first, record(1, first.value or b"")])
    assert sorted(world.contents()) == [20, 40, 41]


def test_in_a_topic_made_anew_a_command_at_an_old_offset_counts(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.run([ALL[0]])
    assert world.run([record(0, Command("new", MODEL, "unpin", {}, 0).to_bytes())], topic="anew").pinned is None
    assert sorted(world.contents()) == [20, 40, 41, 42]


def test_the_learners_commands_and_what_is_none_are_stepped_over(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    name = Command("n", MODEL, "name", {"cluster": 1, "name": "one"}, 0).to_bytes()
    odd = b'{"format":"r2r.command/1.0","id":[1],"model":"digits","kind":"pin","arguments":{},"at_ms":0}'
    world.run([record(0, b"no command"), record(1, name), record(2, odd)])
    assert world.topic.events == []
    assert world.state == PromotionState(MODEL)


def test_content_that_is_damaged_is_refused_and_what_answers_stays(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    (tmp_path / "live/digits/20/model.onnx").write_bytes(b"forged")
    world.run([ALL[0]])
    (event,) = world.topic.events
    assert (event.kind, event.evidence["reason"]) == ("command_refused", "version_broken")
    assert sorted(world.registry.versions(MODEL)) == [20, 40]


def test_a_version_without_a_manifest_stops_nobody(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    (tmp_path / "manifests/digits/40.json").unlink()
    world.topic.versions.discard(40)
    world.run([ALL[3]])
    assert world.state.pinned == 20


def test_the_newest_published_task_is_settled_though_its_version_is_pruned(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.run([ALL[0]])
    world.registry.prune(MODEL, keep=1, keep_candidates=0)
    assert world.registry.versions(MODEL) == [41]
    controller = world.run([])
    assert (controller.settled_task, controller.pinned) == (40, 41)
    assert world.topic.versions == {41}
