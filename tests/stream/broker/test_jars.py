import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from stream.broker.jars import CHECKSUMS_FILE, checked_jars, describe_download, read_checksums
from stream.process.errors import BrokerNotStarted

CONTENT = {"kafka.jar": b"the broker", "scala.jar": b"its language"}
EXPECTED = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


class LocalRepository:
    """Serves jars into a folder, and like jgo leaves alone what is already there."""

    def __init__(self, folder: Path, served: dict[str, bytes]) -> None:
        self._folder = folder
        self._served = served
        self.calls: list[bool] = []

    def fetch(self, again: bool) -> list[Path]:
        self.calls.append(again)
        for name, content in self._served.items():
            if not (self._folder / name).exists():
                (self._folder / name).write_bytes(content)
        return sorted(self._folder.iterdir())

    def cached(self, names: Iterable[str]) -> list[Path]:
        return [self._folder / name for name in names if (self._folder / name).exists()]


def checked(repository: LocalRepository, fetch: Callable[[bool], Iterable[Path]] | None = None) -> list[Path]:
    return checked_jars(EXPECTED, fetch or repository.fetch, repository.cached)


def test_right_jars_are_fetched_once_and_others_are_left_out(tmp_path: Path) -> None:
    repository = LocalRepository(tmp_path, CONTENT | {"stranger.jar": b"?"})
    assert [jar.name for jar in checked(repository)] == ["kafka.jar", "scala.jar"]
    assert repository.calls == [False]


def test_a_torn_jar_is_deleted_and_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "kafka.jar").write_bytes(b"the bro")
    repository = LocalRepository(tmp_path, CONTENT)
    assert [jar.read_bytes() for jar in checked(repository)] == [b"the broker", b"its language"]
    assert repository.calls == [False, True]


def test_a_torn_jar_that_makes_the_fetch_fail_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "scala.jar").write_bytes(b"")
    repository = LocalRepository(tmp_path, CONTENT)

    def fetch(again: bool) -> list[Path]:
        if any(not jar.read_bytes() for jar in tmp_path.iterdir()):
            message = "File is not a zip file"
            raise OSError(message)
        return repository.fetch(again)

    assert len(checked(repository, fetch)) == 2


def test_a_jar_that_stays_wrong_is_refused_by_name(tmp_path: Path) -> None:
    repository = LocalRepository(tmp_path, CONTENT | {"kafka.jar": b"something else"})
    with pytest.raises(BrokerNotStarted, match=r"kafka\.jar came with another checksum"):
        checked(repository)
    assert repository.calls == [False, True]


def test_no_network_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    def fetch(again: bool) -> list[Path]:
        raise OSError(f"no route to host, again={again}")  # noqa: EM102

    with pytest.raises(BrokerNotStarted, match=r"no route to host.*set stream.bootstrap_servers"):
        checked(LocalRepository(tmp_path, {}), fetch)


def test_the_committed_list_names_every_jar_and_the_download_is_told() -> None:
    checksums = read_checksums(CHECKSUMS_FILE)
    assert "kafka_2.13-4.1.0.jar" in checksums
    assert all(len(digest) == 64 for digest in checksums.values())
    assert f"{len(checksums)} jars, 43 MB" in describe_download()
