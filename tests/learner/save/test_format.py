"""The stored checkpoints of version 1: what an earlier release wrote, this one reads."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from learner.intake.window import Place
from learner.memory.names import Names
from learner.memory.replay_format import replay_from_state, replay_to_state
from learner.memory.replay_memory import ReplayMemory
from learner.model.clusters.classifier import Classifier
from learner.save.checkpoint import content_sha256, load_checkpoint, origin_of
from learner.save.state_format import state_to_bytes
from learner.settings import LearnerSettings
from learner.state import PendingUpdate
from stream.messages import wire_format
from stream.process.errors import UnknownFormat
from tests.learner.small import SETTINGS, load_digits

STORED = Path(__file__).parents[2] / "fixtures" / "formats" / "v1" / "checkpoint"
STORED_1_1, STORED_1_2, STORED_1_4 = (STORED.with_name(f"checkpoint_1_{minor}") for minor in (1, 2, 4))
CONTENT = "7905a7928ce0209fe8fe5d0d4b98a9d387c20203b027cf5ce5e27152a5705822"
SLOTS = [1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1]
RATIOS = [0.502, 0.312, 1.583, 2.162, 0.821, 0.859, 1.058, 1.787, 0.756, 1.417, 1.573, 0.577]
CONTENT_1_1 = "3ee1fa92198b172ea484cd1abbb94ce405c9e12dec985a74dfbf7db77e554d17"
CONTENT_1_2 = "1b5eb86fa7b94a093e06bb033dda4c812c4787b73712ccde9f450ddc5385f2e3"
CONTENT_1_4 = "835ec82c4cbfa5042e7d5e6c6f45798e5c5b164eb91d15cb030401b69e9bbc4d"
SLOTS_1_1 = [1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1]
RATIOS_1_1 = [0.224, 0.346, 0.281, 0.568, 0.465, 0.47, 1.015, 1.169, 0.346, 1.407, 0.511, 0.427]
ASKED = [(0, 2, 4), (1, 2, 4), (0, 3, 4), (1, 3, 4)]
IDS = [f"{task}/replay-request/{number}" for task in (5, 11) for number in (0, 1)]
BATCHES = [(f"{request}/samples/0",) for request in IDS]
PAINTED = [(cluster, 3, (3, 16, 16)) for cluster in (0, 0, 0, 0, 1, 1, 1, 1)]


def rewritten(folder, manifest=None, state=None):
    """Copy the stored checkpoint as another release would have written it: with other keys or versions."""
    shutil.copytree(STORED, folder)
    listing = json.loads((folder / "manifest.json").read_bytes())
    body = json.dumps(json.loads((folder / "state.json").read_bytes()) | (state or {})).encode()
    (folder / "state.json").write_bytes(body)
    listing["files"]["state.json"] = {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
    content = wire_format.to_bytes("checkpoint-content", "1.0", {"files": listing["files"]})
    listing["content_sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(listing | (manifest or {})))
    return folder


def test_the_stored_checkpoint_is_read_with_all_its_values():
    state, runs = load_checkpoint(STORED)
    assert (state.task_seq, state.updates, state.updated_at_task, state.images_backpropagated) == (9, 1, 3, 96)
    assert state.positions == {0: 48, 1: 48, 2: 48}
    assert state.pending == PendingUpdate(wanted_frames=32, newer_frames=11, due_at_ms=1_795_000_000_123)
    assert state.names.given == {0: "zero", 1: "one"}
    assert state.resends.to_state() == [[f"digits/{n}", 47, "f" * 12] for n in range(3)]
    assert state.knowledge.mixture.ids_K.tolist() == [0, 1, *[-1] * 14]
    assert state.knowledge.mixture.next_id == 2
    assert state.detector.to_state()["n"] == 96
    assert (len(runs), runs[0], runs[-1]) == (12, [0, 27, 32], [2, 42, 48])
    assert state.settings.encoder_channels == SETTINGS.encoder_channels
    assert state.knowledge.uncertainty.threshold_K[:2].tolist() == pytest.approx([1.9698, 2.5585], abs=1e-4)


def test_what_version_1_0_did_not_count_is_taken_as_half_a_window_of_its_time():
    state, _ = load_checkpoint(STORED)
    assert state.knowledge.mixture.counts_K.tolist() == [45.0, 45.0, *[0.0] * 14]
    assert state.knowledge.mixture.frames == 45.0
    assert (len(state.window), state.quiet_updates) == (64, 0), "all frames of its window were untrained"


@pytest.mark.parametrize(
    ("stored", "content", "frames"),
    [(STORED_1_1, CONTENT_1_1, 96), (STORED_1_2, CONTENT_1_2, 80), (STORED_1_4, CONTENT_1_4, 80)],
)
def test_the_stored_checkpoints_from_1_1_on_are_read_with_all_their_values(stored, content, frames):
    state, runs = load_checkpoint(stored)
    assert (state.task_seq, state.updates, state.quiet_updates, state.images_backpropagated) == (12, 2, 1, 320)
    assert state.pending == PendingUpdate(32, 16, 3_600_000, "interval")
    assert (sum(stop - start for _, start, stop in runs), len(state.window)) == (frames, 80)
    assert (state.sample_positions, state.command_positions) == ({0: 4}, {0: 2})
    assert (state.keep_one_in, state.frames_skipped) == (2, 37)
    assert state.obeyed.to_state() == ["command-a", "command-b"]
    assert [(one.cluster, one.update, one.arrived) for one in state.replay.asked.values()] == ASKED
    assert (list(state.replay.asked), [one.batches for one in state.replay.asked.values()]) == (IDS, BATCHES)
    assert [(one.cluster, one.update, one.image_CSS.shape) for one in state.replay.painted] == PAINTED
    assert (state.replay.counts.requested, state.replay.counts.in_time) == (8, 8)
    assert {cluster: len(images) for cluster, images in state.exemplars.by_cluster.items()} == {0: 2, 1: 2}
    mixture = state.knowledge.mixture
    assert (mixture.ids_K.tolist(), mixture.next_id, mixture.frames) == ([0, 1, -1, -1, -1, -1], 2, 104.0)
    assert mixture.counts_K.tolist() == pytest.approx([49.9567, 54.0433, 0, 0, 0, 0], abs=1e-4)
    assert state.detector.to_state()["n"] == 180
    assert content_sha256(stored) == content


def test_what_a_labeller_said_is_in_the_stored_checkpoint_of_1_4():
    state, _ = load_checkpoint(STORED_1_4)
    assert state.names == Names({1: "one"}, {0: {"zero": 33.5}, 1: {"one": 4.25, "seven": 1.0}})
    assert state.labels.to_state() == [[0, 25, "zero"], [2, 30, "one"]]
    assert [one.members for one in state.replay.asked.values()] == [(Place(0, 25), Place(1, 26)), (), (), ()]
    assert (state.replay.gaps, state.last_seen.frames_since) == ({0: 0.125, 1: 0.5}, {0: 16, 1: 0})


def test_its_manifest_says_what_it_holds_and_where_it_belongs():
    assert content_sha256(STORED) == CONTENT
    assert origin_of(STORED) == {"cluster": "4L6g3nShT-eMCtK--X86sw", "topic": "bRSWzPGwRxyy2LZ9z1Vv1g"}


@pytest.mark.parametrize(
    ("stored", "slots", "expected"),
    [(STORED, SLOTS, RATIOS), *((stored, SLOTS_1_1, RATIOS_1_1) for stored in (STORED_1_1, STORED_1_2, STORED_1_4))],
)
def test_what_was_learned_then_answers_the_same_now(stored, slots, expected):
    state, _ = load_checkpoint(stored)
    with torch.inference_mode():
        probabilities, ratios, _ = Classifier(state.knowledge, state.settings)(
            torch.from_numpy(load_digits().test_images[:12])
        )
    assert probabilities.argmax(1).tolist() == slots
    assert ratios.tolist() == pytest.approx(expected, abs=2e-3)


def test_written_again_1_1_is_1_2():
    assert state_to_bytes(load_checkpoint(STORED_1_1)[0]) == state_to_bytes(load_checkpoint(STORED_1_2)[0])


def test_written_again_1_2_keeps_every_key_and_every_bit():
    state, runs = load_checkpoint(STORED_1_2)
    again = state_to_bytes(state)
    assert again["tensors.safetensors"] == (STORED_1_2 / "tensors.safetensors").read_bytes()
    before = json.loads((STORED_1_2 / "state.json").read_bytes())
    after = json.loads(again["state.json"]) | {"window_runs": runs}
    assert before["settings"].items() <= after["settings"].items()
    counts = before["replay"]["counts"]
    assert counts.items() <= after["replay"]["counts"].items()
    after["replay"] |= {"counts": counts}  # to which a later release added
    assert after["replay"].pop("gaps") == {}
    assert [asked.pop("members") for asked in after["replay"]["asked"]] == [[]] * len(before["replay"]["asked"])
    ignored = {"settings": {}, "format": ""}
    assert (before | ignored).items() <= (after | ignored).items()


def test_written_again_1_4_is_the_same_but_for_the_window_which_is_read_from_the_log():
    state, runs = load_checkpoint(STORED_1_4)
    again = state_to_bytes(state)
    assert again["tensors.safetensors"] == (STORED_1_4 / "tensors.safetensors").read_bytes()
    before = json.loads((STORED_1_4 / "state.json").read_bytes())
    after = json.loads(again["state.json"]) | {"window_runs": runs, "window_untrained": before["window_untrained"]}
    assert before.pop("settings").items() <= after["settings"].items(), "a later release may have more of them"
    assert before == {name: after[name] for name in before}


def test_written_again_1_0_keeps_every_key_and_every_bit():
    state, runs = load_checkpoint(STORED)
    again = state_to_bytes(state)
    old, new = load((STORED / "tensors.safetensors").read_bytes()), load(again["tensors.safetensors"])
    assert all(torch.equal(new[name], value) for name, value in old.items())
    assert new.keys() - old.keys() == {"mixture.counts_K", "mixture.frames"}
    before = json.loads((STORED / "state.json").read_bytes())
    after = json.loads(again["state.json"]) | {"window_runs": runs}
    kept = before["settings"].keys() & after["settings"].keys()
    assert {name: after["settings"][name] for name in kept} == {name: before["settings"][name] for name in kept}
    assert before["settings"].keys() - kept == {"births"}, "a setting that this release does not have"
    assert before["pending"].items() <= after["pending"].items()
    kept = before.keys() - {"settings", "format", "pending"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_a_later_minor_version_is_read_and_its_new_keys_are_ignored(tmp_path):
    later = {"format": "r2r.learner-state/1.9", "new": 1}
    settings = json.loads((STORED / "state.json").read_bytes())["settings"]
    folder = rewritten(
        tmp_path / "c", {"format": "r2r.checkpoint/1.9", "new": 1}, later | {"settings": settings | {"new": 1}}
    )
    state, _ = load_checkpoint(folder)
    assert state.task_seq == 9


def test_what_a_later_version_counts_of_replay_is_ignored():
    memory = ReplayMemory()
    state = replay_to_state(memory)
    state["counts"]["admired"] = 3
    assert replay_from_state(state, {}) == memory


def test_settings_that_came_later_take_their_defaults(tmp_path):
    settings = json.loads((STORED / "state.json").read_bytes())["settings"]
    del settings["threshold_rate"]
    state, _ = load_checkpoint(rewritten(tmp_path / "c", state={"settings": settings}))
    assert state.settings.threshold_rate == LearnerSettings().threshold_rate


@pytest.mark.parametrize(
    ("manifest", "state"),
    [({"format": "r2r.checkpoint/2.0"}, {}), ({}, {"format": "r2r.learner-state/2.0"})],
)
def test_another_major_version_is_refused(tmp_path, manifest, state):
    with pytest.raises(UnknownFormat, match="2"):
        load_checkpoint(rewritten(tmp_path / "c", manifest, state))
