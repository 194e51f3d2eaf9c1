"""The registry: complete or not there, never changed, verified when read."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from deploy.registry.errors import ModelNotFound, RegistryError, VersionBroken
from deploy.registry.versions import Registry
from stream.process.errors import InvalidSetting, StorageFull
from tests.deploy.dying import Died, DyingStorage, Life
from tests.deploy.published import manifest_of, publish
from tests.deploy.tiny_model import tiny_model


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "registry") if request.param == "local" else f"memory://{tmp_path.name}"


def test_an_empty_registry_has_no_models_and_no_versions(root: str) -> None:
    registry = Registry(root)
    assert registry.models() == []
    assert registry.versions("digits") == []
    assert registry.latest("digits") is None


def test_a_promoted_version_is_read_back_with_its_manifest(root: str) -> None:
    content = publish(Registry(root), "digits", 7)
    registry = Registry(root)
    assert registry.models() == ["digits"]
    assert registry.latest("digits") == 7
    assert registry.read_model("digits", 7) == content
    assert registry.manifest("digits", 7) == manifest_of(content, "digits", 7)
    assert registry.candidates("digits") == []


def test_versions_are_ordered_by_number_not_by_name(root: str) -> None:
    registry = Registry(root)
    for version in (9, 10, 2):
        publish(registry, "digits", version)
    assert registry.versions("digits") == [2, 9, 10]
    assert registry.versions("digits", above=2) == [9, 10]


def test_promoting_the_same_version_again_changes_nothing(root: str) -> None:
    registry = Registry(root)
    content = publish(registry, "digits", 7)
    registry.promote("digits", 7)
    publish(registry, "digits", 7, content)
    assert registry.versions("digits") == [7]
    assert registry.read_model("digits", 7) == content
    assert registry.candidates("digits") == []


def test_a_version_never_changes_its_content(root: str) -> None:
    registry = Registry(root)
    content = publish(registry, "digits", 7)
    with pytest.raises(RegistryError, match="a version never changes"):
        publish(registry, "digits", 7, tiny_model("other"))
    assert registry.read_model("digits", 7) == content


def test_old_content_can_be_rolled_forward_under_a_new_number(root: str) -> None:
    registry = Registry(root)
    old = publish(registry, "digits", 1)
    publish(registry, "digits", 2)
    registry.add_candidate(replace(registry.manifest("digits", 1), version=3), old)
    registry.promote("digits", 3)
    assert registry.latest("digits") == 3
    assert registry.read_model("digits", 3) == old
    assert registry.manifest("digits", 3).task_seq == 1


def test_a_candidate_is_not_served_and_stays_until_promoted(root: str) -> None:
    registry = Registry(root)
    content = tiny_model()
    registry.add_candidate(manifest_of(content, "digits", 4), content)
    assert registry.candidates("digits") == [4]
    assert registry.versions("digits") == []
    with pytest.raises(ModelNotFound, match="no version '4'"):
        registry.read_model("digits", 4)


def test_promoting_what_is_not_there_is_reported(root: str) -> None:
    with pytest.raises(ModelNotFound, match="no version '4'"):
        Registry(root).promote("digits", 4)


def test_number_0_is_refused_because_triton_passes_over_it(root: str) -> None:
    with pytest.raises(RegistryError, match="begins at 1"):
        publish(Registry(root), "digits", 0)


def test_a_manifest_of_other_bytes_is_refused(root: str) -> None:
    with pytest.raises(VersionBroken, match="sha256"):
        Registry(root).add_candidate(manifest_of(tiny_model("a"), "digits", 1), tiny_model("b"))


def test_a_flipped_byte_is_found_when_the_version_is_read(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    publish(registry, "digits", 1)
    file = tmp_path / "live/digits/1/model.onnx"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(VersionBroken, match="sha256"):
        registry.read_model("digits", 1)


def test_a_manifest_that_is_no_manifest_is_a_broken_version(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    publish(registry, "digits", 1)
    (tmp_path / "manifests/digits/1.json").write_bytes(b"\xff{")
    with pytest.raises(VersionBroken, match="not JSON"):
        registry.read_model("digits", 1)


def test_a_version_without_a_manifest_is_broken_not_absent(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    publish(registry, "digits", 1)
    (tmp_path / "manifests/digits/1.json").unlink()
    with pytest.raises(VersionBroken, match="it has no manifest"):
        registry.read_model("digits", 1)


def test_the_live_root_is_a_triton_repository_and_nothing_else(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    publish(registry, "digits", 1)
    publish(registry, "digits", 2)
    live = sorted(str(path.relative_to(tmp_path / "live")) for path in (tmp_path / "live").rglob("*") if path.is_file())
    assert live == ["digits/1/model.onnx", "digits/2/model.onnx", "digits/config.pbtxt"]


def test_the_configuration_is_written_once(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    publish(registry, "digits", 1)
    config = tmp_path / "live/digits/config.pbtxt"
    config.write_text("changed by hand")
    publish(registry, "digits", 2)
    assert config.read_text() == "changed by hand"


def test_what_is_no_version_in_the_live_root_is_passed_over(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    publish(registry, "digits", 1)
    (tmp_path / "live/digits/2").mkdir()  # a folder without its file: half copied by hand
    (tmp_path / "live/digits/notes").mkdir()
    (tmp_path / "live/lost+found").mkdir()
    assert registry.models() == ["digits"]
    assert registry.versions("digits") == [1]


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b"])
def test_a_name_that_would_leave_the_registry_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidSetting, match="a model's name"):
        Registry(str(tmp_path)).versions(name)


def test_prune_keeps_the_newest_versions_and_candidates(root: str) -> None:
    registry = Registry(root)
    for version in (1, 2, 3):
        publish(registry, "digits", version)
    for refused in (4, 5, 6):
        content = tiny_model(f"refused-{refused}")
        registry.add_candidate(manifest_of(content, "digits", refused), content)
    registry.prune("digits", keep=2, keep_candidates=1)
    assert registry.versions("digits") == [2, 3]
    assert registry.candidates("digits") == [6]
    with pytest.raises(ModelNotFound):
        registry.manifest("digits", 1)
    registry.prune("digits", keep=0, keep_candidates=0)
    assert registry.versions("digits") == [3]
    assert registry.candidates("digits") == []


CHANGES_OF_A_PUBLICATION = 7
"""Candidate, its manifest, configuration, manifest, move, two deletions."""


@pytest.mark.parametrize("survives", range(CHANGES_OF_A_PUBLICATION))
def test_a_publication_that_dies_anywhere_is_completed_by_doing_it_again(tmp_path: Path, survives: int) -> None:
    root = str(tmp_path)
    content = tiny_model("v5")
    dying = Registry(root)
    dying._storage = DyingStorage(root, Life(survives))
    with pytest.raises(Died):
        publish(dying, "digits", 5, content)
    registry = Registry(root)
    for version in registry.versions("digits"):
        assert registry.read_model("digits", version) == content
    publish(registry, "digits", 5, content)
    assert registry.versions("digits") == [5]
    assert registry.read_model("digits", 5) == content
    assert registry.candidates("digits") == []


def test_the_publication_was_killed_at_every_change(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    registry._storage = DyingStorage(str(tmp_path), Life(CHANGES_OF_A_PUBLICATION))
    publish(registry, "digits", 5)
    with pytest.raises(Died):
        registry._storage.delete("anything")


class FullFiles(MemoryFileSystem):
    """A device without space."""

    cachable = False

    def pipe_file(self, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_no_space_left_is_one_sentence_with_the_remedy() -> None:
    registry = Registry("memory://full")
    registry._storage._files = FullFiles()
    with pytest.raises(StorageFull, match=r"no space is left for .* free some and publish again"):
        publish(registry, "digits", 1)
