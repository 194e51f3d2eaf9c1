"""Every part of a learner's state saves and loads itself; a new one joins `learner.save.format.PARTS`."""

import json
from dataclasses import fields

import pytest
import torch
from safetensors.torch import load, save

from learner.part import Saved
from learner.plan.inputs import InputLogs
from learner.save.format import PARTS
from learner.state import LearnerState
from stream.memory_log import MemoryLog
from stream.messages.command import Command
from tests.learner.model.paper.tiny import SETTINGS as PAPER
from tests.learner.small import SETTINGS as CLUSTERS
from tests.learner.small import digits_log, run_through
from tests.learner.workers import label_all

SHORT = {"window_frames": 96, "interval_frames": 48, "replay_images": 4}
LIVES = {
    "r2r": CLUSTERS.model_copy(update=SHORT | {"drift_threshold": 50.0}),
    "paper": PAPER.model_copy(update={"interval_frames": 48, "replay_images": 4}),
}
FRAMES = {"r2r": 208, "paper": 192}
"""Of which a worker has answered what was asked for an update that still waits."""


def lived(settings, frames):
    """Return a learner that was named and answered by a worker with a labeller, in the middle of its stream."""
    samples, commands = MemoryLog(1), MemoryLog(1)

    def observe(effects):
        label_all(effects, samples)
        if effects.update is not None:
            name = Command(f"command-{effects.plan.task_seq}", "small", "name", {"cluster": 0, "name": "zero"}, 0)
            commands.append(0, None, name.to_bytes())

    logs = InputLogs(digits_log(frames), samples, commands, topic="frames")
    return run_through(logs, settings, observe=observe)[0]


@pytest.fixture(scope="module", params=LIVES)
def method(request):
    return request.param


@pytest.fixture(scope="module")
def state(method):
    return lived(LIVES[method], FRAMES[method])


@pytest.fixture(params=PARTS)
def name(request):
    return request.param


def written(saved):
    """Return what a file would hold: JSON and safetensors."""
    return json.dumps(saved.values, allow_nan=False), save(dict(saved.tensors))


def read(files):
    return Saved(json.loads(files[0]), load(files[1]))


def test_every_field_of_the_state_but_the_settings_is_a_part():
    assert {field.name for field in fields(LearnerState)} == {"settings"} | set(PARTS)


def test_saved_and_loaded_a_part_is_saved_the_same(state, name):
    saved = getattr(state, name).save()
    part = PARTS[name](read(written(saved)), state.settings)
    again = part.save()
    assert type(part) is type(getattr(state, name))
    assert json.loads(json.dumps(again.values)) == json.loads(json.dumps(saved.values))
    assert again.tensors.keys() == saved.tensors.keys()
    for tensor, value in saved.tensors.items():
        assert (again.tensors[tensor].dtype, again.tensors[tensor].shape) == (value.dtype, value.shape)
        assert torch.equal(again.tensors[tensor], value)


def test_a_part_of_a_new_learner_is_saved_and_loaded_too(state, name):
    saved = getattr(LearnerState.new(state.settings), name).save()
    again = PARTS[name](read(written(saved)), state.settings)
    assert written(again.save()) == written(saved)


def test_the_learner_that_lived_has_something_in_each_part(state, method, name):
    new, now = (written(getattr(one, name).save()) for one in (LearnerState.new(state.settings), state))
    holds_nothing = (method, name) in {("paper", "detector"), ("paper", "labels")}
    assert (new == now) is holds_nothing


def test_what_a_later_minor_added_is_ignored(state, name):
    saved = getattr(state, name).save()
    more = Saved({**saved.values, "new": [1]}, {**saved.tensors, "new": torch.ones(2)})
    assert written(PARTS[name](more, state.settings).save()) == written(saved)
