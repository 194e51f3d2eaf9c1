"""A learner that went another way is noticed at its first checkpoint, and the fields are named."""

from dataclasses import replace

import pytest

from benchmarks.recovery.divergence import Divergence, announced_in, differing
from learner.faults import Faults
from learner.memory.names import Names
from learner.save.checkpoint import CheckpointStore
from learner.save.format import state_to_bytes
from stream.messages.checkpoint_ready import CheckpointReady
from tests.learner.small import state_with_clusters

MODEL = "m"
FIELDS = ["parts.names.given", "parts.names.given.1"]


def at(task_seq, **changed):
    """Return a learner's state at a task; what is changed is of its progress, or another part."""
    state = state_with_clusters(3)
    own = {name: changed.pop(name) for name in [*changed] if hasattr(state.progress, name)}
    return replace(state, progress=replace(state.progress, task_seq=task_seq, **own), **changed)


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path, MODEL, 2, Faults())


def compared(store, left, again):
    """Let a learner announce the checkpoints of ``left``, and compare with one whose states are ``again``."""
    saved = [store.save(state, {}, 0) for state in left]
    told = [CheckpointReady(str(s.task_seq), MODEL, s.task_seq, s.folder.as_uri(), s.sha256, False) for s in saved]
    divergence = Divergence(store.folder, announced_in(told))
    for state in again:
        divergence.look(state)
    return divergence


def test_learners_that_went_the_same_way_have_no_divergence(store):
    divergence = compared(store, [at(4), at(8)], [at(task) for task in range(1, 10)])
    assert (divergence.compared, divergence.found, divergence.figures()) == (2, False, {})


def test_the_first_checkpoint_is_named_though_it_was_pruned_and_so_are_its_fields(store):
    none, one = Names(), Names({1: "x"})
    left = [at(task, names=one if task >= 8 else none, keep_one_in=1 if task < 16 else 2) for task in (4, 8, 12, 16)]
    divergence = compared(store, left, [at(task) for task in range(1, 17)])
    assert divergence.figures() == {"first_task": 8, "fields_task": 12, "fields": FIELDS}


def test_two_lives_that_announced_different_checkpoints_of_one_task_are_noticed(store):
    divergence = compared(store, [at(4), at(4, names=Names({1: "x"}))], [at(4)])
    assert divergence.figures() == {"first_task": 4, "fields_task": 4, "fields": FIELDS}


def test_tensors_and_keys_that_differ_are_named():
    one, other = at(1, updates=1), at(1, updates=2)
    other.model.encoder.network.state_dict()["encoder.0.weight"][0, 0, 0, 0] += 1e-7
    found = differing(state_to_bytes(one), state_to_bytes(other))
    assert found == ["model.encoder.network.encoder.0.weight", "parts.progress.updates"]
