"""The stored checkpoints of versions 1 and 2: what an earlier release wrote, this one reads."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load

from learner.change.schedule import PendingUpdate
from learner.intake.window import Place
from learner.memory.names import Names
from learner.memory.replay_memory import ReplayMemory
from learner.model.contract import live_ids
from learner.part import Saved
from learner.save.checkpoint import content_sha256, load_checkpoint, origin_of
from learner.save.format import state_from_bytes, state_to_bytes
from learner.settings import LearnerSettings
from stream.process.errors import UnknownFormat
from tests.learner.save.stored import (
    OLD,
    STORED,
    STORED_1_1,
    STORED_1_2,
    STORED_1_4,
    STORED_2_0,
    document_of,
    rewritten,
)
from tests.learner.small import SETTINGS, load_digits

CONTENT = "7905a7928ce0209fe8fe5d0d4b98a9d387c20203b027cf5ce5e27152a5705822"
SLOTS = [1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1]
RATIOS = [0.502, 0.312, 1.583, 2.162, 0.821, 0.859, 1.058, 1.787, 0.756, 1.417, 1.573, 0.577]
CONTENT_1_1 = "3ee1fa92198b172ea484cd1abbb94ce405c9e12dec985a74dfbf7db77e554d17"
CONTENT_1_2 = "1b5eb86fa7b94a093e06bb033dda4c812c4787b73712ccde9f450ddc5385f2e3"
CONTENT_1_4 = "835ec82c4cbfa5042e7d5e6c6f45798e5c5b164eb91d15cb030401b69e9bbc4d"
SLOTS_1_1 = [1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1]
RATIOS_1_1 = [0.224, 0.346, 0.281, 0.568, 0.465, 0.47, 1.015, 1.169, 0.346, 1.407, 0.511, 0.427]
CONTENT_2_0 = "73f1f2f34090fe0cfa9ddde75eb79d77f224b5c85d539f3a8a349a6231ebeffa"
SLOTS_2_0 = [1, 1, 1, 1, 1, 1, 1, 3, 1, 0, 2, 1]
RATIOS_2_0 = [0.509, 0.495, 0.748, 0.929, 0.717, 0.549, 0.844, 0.412, 0.443, 1.88, 0.499, 0.912]
ASKED = [(0, 2, 4), (1, 2, 4), (0, 3, 4), (1, 3, 4)]
IDS = [f"{task}/replay-request/{number}" for task in (5, 11) for number in (0, 1)]
BATCHES = [(f"{request}/samples/0",) for request in IDS]
GENERATED = [(cluster, 3, (3, 16, 16)) for cluster in (0, 0, 0, 0, 1, 1, 1, 1)]
ORIGIN = {"cluster": "4L6g3nShT-eMCtK--X86sw", "topic": "bRSWzPGwRxyy2LZ9z1Vv1g"}


def files_of(folder):
    return {name: (folder / name).read_bytes() for name in ("state.json", "tensors.safetensors")}


def counts_of(state):
    progress = state.progress
    return progress.task_seq, progress.updates, state.schedule.quiet_updates, progress.images_backpropagated


def test_the_stored_checkpoint_is_read_with_all_its_values():
    state = load_checkpoint(STORED)
    assert (*counts_of(state), state.progress.updated_at_task) == (9, 1, 0, 96, 3)
    assert state.progress.positions.frames == {0: 48, 1: 48, 2: 48}
    assert state.schedule.pending == PendingUpdate(wanted_frames=32, newer_frames=11, due_at_ms=1_795_000_000_123)
    assert state.names.given == {0: "zero", 1: "one"}
    assert state.resends.save().values["windows"] == [[f"digits/{n}", 47, "f" * 12] for n in range(3)]
    assert state.model.ids_K.tolist() == [0, 1, *[-1] * 14]
    assert state.model.mixture.next_id == 2
    places = state.window.places()
    assert (len(places), places[0], places[-1]) == (64, Place(0, 27), Place(2, 47))
    assert state.settings.autoencoder.channels == SETTINGS.autoencoder.channels
    assert state.model.uncertainty.threshold_K[:2].tolist() == pytest.approx([1.9698, 2.5585], abs=1e-4)


def test_what_version_1_0_did_not_count_is_taken_as_half_a_window_of_its_time():
    state = load_checkpoint(STORED)
    assert state.model.mixture.counts_K.tolist() == [45.0, 45.0, *[0.0] * 14]
    assert state.model.mixture.frames == 45.0
    assert (len(state.window), state.schedule.quiet_updates) == (64, 0), "all frames of its window were untrained"


@pytest.mark.parametrize(
    ("stored", "content", "frames"),
    [(STORED_1_1, CONTENT_1_1, 96), (STORED_1_2, CONTENT_1_2, 80), (STORED_1_4, CONTENT_1_4, 80)],
)
def test_the_stored_checkpoints_from_1_1_on_are_read_with_all_their_values(stored, content, frames):
    state = load_checkpoint(stored)
    assert counts_of(state) == (12, 2, 1, 320)
    assert state.schedule.pending == PendingUpdate(32, 16, 3_600_000, "interval")
    assert (len(state.window.all_places()), len(state.window)) == (frames, 80)
    positions = state.progress.positions
    assert (positions.samples, positions.commands) == ({0: 4}, {0: 2})
    assert (state.progress.keep_one_in, state.progress.frames_skipped) == (2, 37)
    assert state.commands.ids == ("command-a", "command-b")
    assert [(one.cluster, one.update, one.arrived) for one in state.replay.asked.values()] == ASKED
    assert (list(state.replay.asked), [one.batches for one in state.replay.asked.values()]) == (IDS, BATCHES)
    assert [(one.cluster, one.update, one.image_CSS.shape) for one in state.replay.generated] == GENERATED
    assert (state.replay.counts.requested, state.replay.counts.in_time) == (8, 8)
    assert {cluster: len(images) for cluster, images in state.exemplars.by_cluster.items()} == {0: 2, 1: 2}
    mixture = state.model.mixture
    assert (mixture.ids_K.tolist(), mixture.next_id, mixture.frames) == ([0, 1, -1, -1, -1, -1], 2, 104.0)
    assert mixture.counts_K.tolist() == pytest.approx([49.9567, 54.0433, 0, 0, 0, 0], abs=1e-4)
    assert content_sha256(stored) == content


def test_what_a_labeller_said_is_in_the_stored_checkpoint_of_1_4():
    state = load_checkpoint(STORED_1_4)
    assert state.names == Names({1: "one"}, {0: {"zero": 33.5}, 1: {"one": 4.25, "seven": 1.0}})
    assert state.labels.words == {Place(0, 25): "zero", Place(2, 30): "one"}
    assert [one.members for one in state.replay.asked.values()] == [(Place(0, 25), Place(1, 26)), (), (), ()]
    assert (state.replay.gaps, state.last_seen.frames_since) == ({0: 0.125, 1: 0.5}, {0: 16, 1: 0})


def test_the_stored_checkpoint_of_2_0_is_read_with_all_its_values():
    state = load_checkpoint(STORED_2_0)
    assert (*counts_of(state), state.progress.updated_at_task) == (14, 3, 2, 544, 11)
    assert (state.progress.keep_one_in, state.progress.frames_skipped) == (2, 37)
    positions = state.progress.positions
    assert (positions.frames, positions.samples, positions.commands) == ({0: 70, 1: 69, 2: 69}, {0: 7}, {0: 2})
    assert state.schedule.pending == PendingUpdate(24, 16, 3_600_000, "interval")
    places = state.window.all_places()
    assert (len(places), places[0], places[-1], len(state.window)) == (96, Place(1, 38), Place(2, 68), 48)
    assert state.resends.save().values["windows"][0] == ["digits/0", 69, "3fffffffffffffffff"]
    assert state.commands.ids == ("command-a", "command-b")
    assert (state.names.given, state.names.votes[3]) == ({0: "zero"}, {"digit 2": 4.0, "digit 3": 0.9})
    assert (len(state.labels.words), state.labels.words[Place(0, 55)]) == (16, "digit 4")
    assert {cluster: len(images) for cluster, images in state.exemplars.by_cluster.items()} == dict.fromkeys(
        range(4), 2
    )
    assert state.last_seen.frames_since == {0: 0, 1: 0, 2: 48, 3: 0}
    assert (len(state.replay.asked), state.replay.counts.in_time, set(state.replay.gaps)) == (7, 12, {0, 1, 2, 3})
    assert [one.cluster for one in state.replay.generated] == [0] * 4 + [2] * 4 + [3] * 4
    assert state.replay.asked["13/replay-request/2"].members[0] == Place(2, 63)
    assert (state.detector.name, len(state.detector.seen)) == ("page_hinkley", 48)
    assert (state.detector.seen[0], state.detector.seen[-1]) == (0.19834420902667815, -0.6044972543428833)
    mixture = state.model.mixture
    assert (mixture.ids_K.tolist(), mixture.next_id, mixture.frames) == ([0, 1, 2, 3, -1, -1], 4, 160.0)
    assert mixture.counts_K.tolist() == pytest.approx([54.0406, 57.7915, 10.449, 11.719, 0, 0], abs=1e-3)
    assert (content_sha256(STORED_2_0), origin_of(STORED_2_0).items() >= ORIGIN.items()) == (CONTENT_2_0, True)


def test_written_again_2_0_is_the_same_bytes():
    assert state_to_bytes(load_checkpoint(STORED_2_0)) == files_of(STORED_2_0)


def test_its_manifest_says_what_it_holds_and_where_it_belongs():
    assert content_sha256(STORED) == CONTENT
    assert origin_of(STORED) == ORIGIN


@pytest.mark.parametrize(
    ("stored", "slots", "expected"),
    [
        (STORED, SLOTS, RATIOS),
        *((stored, SLOTS_1_1, RATIOS_1_1) for stored in (STORED_1_1, STORED_1_2, STORED_1_4)),
        (STORED_2_0, SLOTS_2_0, RATIOS_2_0),
    ],
)
def test_what_was_learned_then_answers_the_same_now(stored, slots, expected):
    model = load_checkpoint(stored).model
    with torch.inference_mode():
        latents = model.encoder.served()(torch.from_numpy(load_digits().test_images[:12]))
        probabilities, ratios, _ = model.served()(latents)
    assert probabilities.argmax(1).tolist() == slots
    assert ratios.tolist() == pytest.approx(expected, abs=2e-3)


def test_1_1_and_1_2_differ_in_nothing_but_the_frames_of_their_windows_that_were_trained_on():
    one, other = (load_checkpoint(stored) for stored in (STORED_1_1, STORED_1_2))
    one, other = (replace(state, window=state.window.without_trained()) for state in (one, other))
    assert state_to_bytes(one) == state_to_bytes(other)


@pytest.mark.parametrize("stored", OLD)
def test_written_again_version_1_keeps_every_learned_bit_and_image(stored):
    state = load_checkpoint(stored)
    again = load(state_to_bytes(state)["tensors.safetensors"])
    old = load((stored / "tensors.safetensors").read_bytes())
    for name, value in old.items():
        if name.startswith("exemplars."):
            continue
        new = {"network": "model.encoder.", "replay": ""}.get(name.split(".")[0], "model.") + name
        assert torch.equal(again[new], value)
    if "exemplars.images_KECSS" in old:
        kept = {cluster: old["exemplars.images_KECSS"][slot] for slot, cluster in enumerate(state.model.ids_K.tolist())}
        for cluster in live_ids(state.model):
            assert torch.equal(state.exemplars.by_cluster[cluster], kept[cluster])


@pytest.mark.parametrize("stored", OLD)
def test_version_1_written_again_is_version_2_and_stays_as_it_is(stored):
    written = state_to_bytes(load_checkpoint(stored))
    assert json.loads(written["state.json"])["format"] == "r2r.learner-state/2.0"
    assert state_to_bytes(state_from_bytes(written)) == written


def test_a_later_minor_of_version_1_is_read_and_its_new_keys_are_ignored(tmp_path):
    state = document_of(STORED) | {"format": "r2r.learner-state/1.9", "new": 1}
    state["settings"] |= {"new": 1}
    folder = rewritten(tmp_path / "c", STORED, state, {"format": "r2r.checkpoint/1.9", "new": 1})
    assert load_checkpoint(folder).progress.task_seq == 9


def test_a_later_minor_of_version_2_is_read_and_what_it_added_anywhere_is_ignored(tmp_path):
    def grown(value):
        if isinstance(value, dict) and value and not any(name.isdigit() for name in value):
            return {name: grown(one) for name, one in value.items()} | {"new": 1}
        return [grown(one) for one in value] if isinstance(value, list) else value

    state = document_of(STORED_2_0)
    later = {
        "format": "r2r.learner-state/2.9",
        "new": 1,
        "settings": grown(state["settings"]),
        "parts": {name: part if name == "names" else grown(part) for name, part in state["parts"].items()}
        | {"new": {}},
    }
    folder = rewritten(tmp_path / "c", STORED_2_0, later)
    assert state_to_bytes(load_checkpoint(folder)) == files_of(STORED_2_0)


def test_what_a_later_version_counts_of_replay_is_ignored():
    values = dict(ReplayMemory().save().values)
    values["counts"] = values["counts"] | {"admired": 3}
    assert ReplayMemory.load(Saved(values), SETTINGS) == ReplayMemory()


@pytest.mark.parametrize(("stored", "table"), [(STORED, None), (STORED_2_0, "clusters")])
def test_settings_that_came_later_take_their_defaults(tmp_path, stored, table):
    state = document_of(stored)
    del (state["settings"][table] if table else state["settings"])["threshold_rate"]
    found = load_checkpoint(rewritten(tmp_path / "c", stored, state)).settings
    assert found.clusters.threshold_rate == LearnerSettings().clusters.threshold_rate


@pytest.mark.parametrize(
    ("manifest", "state"),
    [({"format": "r2r.checkpoint/2.0"}, {}), ({}, {"format": "r2r.learner-state/3.0"})],
)
def test_another_major_version_is_refused(tmp_path, manifest, state):
    folder = rewritten(tmp_path / "c", STORED_2_0, document_of(STORED_2_0) | state, manifest)
    with pytest.raises(UnknownFormat, match="update this role first"):
        load_checkpoint(folder)


def test_what_is_refused_says_which_version_is_read(tmp_path):
    folder = rewritten(tmp_path / "c", STORED_2_0, document_of(STORED_2_0) | {"format": "r2r.learner-state/3.0"})
    with pytest.raises(UnknownFormat, match=r"reads r2r.learner-state/2.0, but the document is r2r.learner-state/3.0"):
        load_checkpoint(folder)
