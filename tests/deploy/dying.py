"""A process that dies at a chosen durable change, and a topic that outlives it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from deploy.registry.manifest import Manifest
from deploy.registry.version_storage import VersionStorage
from stream.messages.event import Event


class Died(BaseException):
    """The process ends here."""


@dataclass
class Life:
    """Ends before the ``changes + 1``-th durable change; None never ends."""

    changes: int | None = None
    made: int = 0

    def change(self) -> None:
        if self.made == self.changes:
            raise Died
        self.made += 1


class DyingStorage(VersionStorage):
    """Storage whose process dies."""

    def __init__(self, root: str, life: Life) -> None:
        super().__init__(root)
        self._life = life

    def write(self, path: str, data: bytes) -> None:
        self._life.change()
        super().write(path, data)

    def move_file_in_folder(self, source: str, target: str, name: str) -> None:
        self._life.change()
        super().move_file_in_folder(source, target, name)

    def delete(self, path: str) -> None:
        self._life.change()
        super().delete(path)


@dataclass
class Topic:
    """What Kafka has of a model: its announced versions, and its events in order."""

    versions: set[int] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)


class DyingAnnouncements:
    """`deploy.publish.announcements.Announcements` into `Topic`, by a process that dies."""

    def __init__(self, topic: Topic, life: Life) -> None:
        self._topic = topic
        self._life = life
        self.announced = set(topic.versions)

    def announce_version(self, manifest: Manifest, uri: str) -> None:
        assert uri.endswith(f"/{manifest.version}/model.onnx")
        self._life.change()
        self._topic.versions.add(manifest.version)
        self.announced.add(manifest.version)

    def announce_outcome(self, outcome: Event) -> None:
        self._life.change()
        self._topic.events.append(outcome)

    def withdraw(self, versions: Sequence[int]) -> None:
        for version in versions:
            self._life.change()
            self._topic.versions.discard(version)
            self.announced.discard(version)
