import json
import os
import shutil
from dataclasses import replace

import pytest

from learner.faults import Faults
from learner.save.checkpoint import CheckpointStore, content_sha256, load_checkpoint, origin_of, settings_of
from learner.save.format import state_to_bytes
from learner.state import LearnerState
from stream.process.errors import CheckpointCorrupt, StorageFull, UnknownFormat
from tests.learner.small import SETTINGS, digits_log, run_through

ORIGIN = {"cluster": "c1", "topic": "t1"}
FILES = ("tensors.safetensors", "state.json", "manifest.json")


@pytest.fixture(scope="module")
def learned() -> LearnerState:
    return run_through(digits_log(200))[0]


@pytest.fixture
def store(tmp_path) -> CheckpointStore:
    return CheckpointStore(tmp_path, "m", 3, Faults())


def at_task(state, task_seq):
    """Return the state as it stands at another task, so that its checkpoint is another one."""
    return replace(state, progress=replace(state.progress, task_seq=task_seq))


def save(store, state):
    return store.save(state, ORIGIN, 1_795_000_000_000).folder


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_what_was_saved_is_loaded_bit_for_bit(store, learned):
    folder = save(store, learned)
    assert store.newest() == store.newest_good() == folder
    loaded = load_checkpoint(folder)
    assert loaded.window.places() == learned.window.places() != []
    assert state_to_bytes(loaded) == state_to_bytes(learned)
    assert origin_of(folder) == ORIGIN


def test_a_state_that_has_learned_nothing_is_saved_too(store):
    new = LearnerState.new(SETTINGS)
    loaded = load_checkpoint(save(store, new))
    assert state_to_bytes(loaded) == state_to_bytes(new)
    assert (loaded.model.traits.has_learned, loaded.window.all_places()) == (False, [])


def test_the_content_hash_depends_on_what_was_learned_and_on_nothing_else(tmp_path, learned):
    here = CheckpointStore(tmp_path / "here", "a", 3, Faults()).save(learned, ORIGIN, 1)
    there = CheckpointStore(tmp_path / "there", "b", 3, Faults()).save(learned, {"cluster": "other"}, 2)
    assert here.sha256 == there.sha256 == content_sha256(here.folder) == content_sha256(there.folder)
    assert save(CheckpointStore(tmp_path, "c", 3, Faults()), at_task(learned, 99)).name != here.folder.name


def test_the_settings_of_a_checkpoint_are_read_alone(store, learned):
    assert settings_of(save(store, learned)) == learned.settings


def test_under_settings_of_now_it_is_loaded_as_they_say(store, learned):
    settings = learned.settings.model_copy(update={"exemplars": 1, "drift_detector": "kswin"})
    loaded = load_checkpoint(save(store, learned), settings)
    assert loaded.settings == settings
    assert loaded.detector.name == "kswin"
    assert {len(images) for images in loaded.exemplars.by_cluster.values()} == {1}


def test_every_file_of_a_checkpoint_is_standard_json_or_safetensors(store, learned):
    folder = save(store, learned)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)

    def refuse(constant):
        pytest.fail(f"{constant} is no JSON")

    for name in ("state.json", "manifest.json"):
        json.loads((folder / name).read_bytes(), parse_constant=refuse)


def test_before_the_first_save_there_is_no_newest(store):
    assert store.newest() is None
    assert store.newest_good() is None


def test_only_the_newest_are_kept_and_the_one_that_is_still_to_be_published(store, learned):
    saved = [save(store, at_task(learned, task)) for task in range(1, 31)]
    of_the_update = saved[learned.progress.updated_at_task - 1]
    assert sorted(path for path in store.folder.iterdir() if path.is_dir()) == [of_the_update, *saved[-3:]]
    assert sorted(path.name for path in store.folder.iterdir() if path.is_file()) == ["CURRENT"]


def test_saving_the_same_state_again_is_harmless(store, learned):
    assert save(store, learned) == save(store, learned) == store.newest_good()


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_told_with_the_newest_good_checkpoint(store, learned, name):
    for task in (1, 2):
        save(store, at_task(learned, task))
    good, bad = (save(store, at_task(learned, task)) for task in (3, 4))
    flip(bad / name, at=(bad / name).stat().st_size // 2)
    with pytest.raises(CheckpointCorrupt, match=f"to go back, write {good.name} into .*CURRENT"):
        store.newest_good()
    with pytest.raises(CheckpointCorrupt, match=r"corrupt|damaged"):
        load_checkpoint(bad)
    assert store.newest() == bad, "it is never fallen back to silently"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told_by_its_name(store, learned, name):
    (save(store, learned) / name).unlink()
    with pytest.raises(CheckpointCorrupt, match=f"{name} is missing; no good one is left"):
        store.newest_good()


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 300, b'{"format":"r2r.checkpoint/1.0"}'])
def test_a_manifest_of_something_else_is_damage(store, learned, content):
    (save(store, learned) / "manifest.json").write_bytes(content)
    with pytest.raises(CheckpointCorrupt, match="damaged manifest"):
        store.newest_good()


@pytest.mark.parametrize("pointer", ["", "0000000099-abcdefabcdef", "../elsewhere"])
def test_a_pointer_to_nothing_names_the_newest_good_one(store, learned, pointer):
    good = save(store, learned)
    (store.folder / "CURRENT").write_text(pointer)
    with pytest.raises(CheckpointCorrupt, match=f"write {good.name}"):
        store.newest_good()


def test_the_remedy_works_also_as_a_shell_writes_it(store, learned):
    good, bad = (save(store, at_task(learned, task)) for task in (3, 4))
    flip(bad / "state.json", at=50)
    (store.folder / "CURRENT").write_text(f"{good.name}\n")
    assert store.newest_good() == good


def test_after_going_back_a_damaged_one_of_the_same_name_is_replaced(store, learned):
    _, bad = (save(store, at_task(learned, task)) for task in (3, 4))
    flip(bad / "state.json", at=50)
    assert save(store, at_task(learned, 4)) == bad
    assert store.newest_good() == bad


def test_after_going_back_the_newest_is_kept_though_others_have_higher_numbers(store, learned):
    for task in (7, 8, 9):
        save(store, at_task(learned, task))
    assert save(store, at_task(learned, 2)) == store.newest_good()


def test_what_a_crash_left_half_written_is_removed_by_the_next_save(store, learned):
    left = store.folder / ".0000000001-abc.tmp"
    left.mkdir(parents=True)
    (left / "tensors.safetensors").write_bytes(b"half")
    (store.folder / ".CURRENT.123.tmp").write_text("half")
    save(store, learned)
    assert list(store.folder.glob(".*")) == []


@pytest.mark.parametrize("full_at", [*FILES, "CURRENT"])
def test_a_full_disk_is_told_and_the_last_checkpoint_is_untouched(tmp_path, store, learned, full_at):
    last = save(store, at_task(learned, 1))
    name = save(CheckpointStore(tmp_path, "elsewhere", 3, Faults()), at_task(learned, 2)).name
    # What the store is about to write leads to the device that has no space: the error is the kernel's own.
    target = store.folder / f".{name}.tmp" / full_at
    if full_at == "CURRENT":
        target = store.folder / f".CURRENT.{os.getpid()}.tmp"
    target.parent.mkdir(exist_ok=True)
    target.symlink_to("/dev/full")
    with pytest.raises(StorageFull, match=r"no space is left .* free some and start the learner again"):
        save(store, at_task(learned, 2))
    assert store.newest_good() == last
    assert list(store.folder.glob(".*")) == [], "what was half written does not fill the disk further"
    assert save(store, at_task(learned, 2)) == store.newest_good()


def test_a_checkpoint_of_an_unknown_major_version_is_refused_as_such(store, learned):
    folder = save(store, learned)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": "r2r.checkpoint/2.0"}))
    with pytest.raises(UnknownFormat):
        store.newest_good()


def test_an_unknown_major_version_is_never_named_as_good(store, learned):
    newer, bad = (save(store, at_task(learned, task)) for task in (3, 4))
    manifest = json.loads((newer / "manifest.json").read_bytes())
    (newer / "manifest.json").write_text(json.dumps(manifest | {"format": "r2r.checkpoint/2.0"}))
    shutil.rmtree(bad)
    with pytest.raises(CheckpointCorrupt, match="no good one is left"):
        store.newest_good()
