"""Saved and loaded after each single plan, a learner ends with the bytes of one that was never interrupted."""

import pytest

from learner.faults import Faults
from learner.plan.inputs import InputLogs
from learner.save.checkpoint import CheckpointStore
from learner.save.format import state_to_bytes
from learner.save.resume import resume
from learner.settings import PaperSettings
from learner.state import LearnerState
from learner.step import step
from stream.memory_log import MemoryLog
from stream.messages.command import Command
from tests.learner.small import SETTINGS, digits_frames, digits_log, run_through
from tests.learner.workers import answer_all, label_all

FRAMES = 240
RESENT = 40
GROWN_SOON = SETTINGS.clusters.model_copy(update={"regroup_frames": 64})
OTHERS = {
    "as it is": {},
    "grown soon": {"window_frames": 64, "clusters": GROWN_SOON, "interval_frames": 32},
    "overload": {"overload": "sample", "overload_lag_frames": 192, "interval_frames": 32},
    "paper": {"method": "paper", "paper": PaperSettings(channels=(8, 8, 8), epochs=1), "warm_up_frames": 64},
}


def frames_with_resends():
    log = digits_log(FRAMES)
    for place, frame in enumerate(digits_frames(FRAMES - RESENT, RESENT)):
        key, value, headers = frame.to_record()
        log.append(place % 3, key, value, headers, (FRAMES + place) * 40)
    return log


def naming(number):
    return Command(
        f"command-{number}", "small", "name", {"cluster": number % 2, "name": f"name {number}"}, 0
    ).to_bytes()


def restarted(plans, logs, settings, root):
    store = CheckpointStore(root, "small", 2, Faults())
    state = LearnerState.new(settings)
    for plan in plans:
        logs.seek(state.progress.positions)
        state, _ = step(state, plan, logs.take(plan))
        state = resume(store.save(state, {}, 0).folder, settings, logs.frames, {}, logs.topic)
    return state


@pytest.mark.parametrize("answered", [True, False], ids=["painted", "labelled"])
@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS.keys())
def test_restarted_after_every_plan_it_ends_with_the_same_bytes(others, answered, tmp_path):
    settings = SETTINGS.model_copy(update=others)
    logs = InputLogs(frames_with_resends(), MemoryLog(1), MemoryLog(1), topic="frames")

    def answer_and_name(effects):
        (answer_all if answered else label_all)(effects, logs.samples)
        if effects.plan.task_seq % 3 == 0:
            logs.commands.append(0, None, naming(effects.plan.task_seq))

    expected, told = run_through(logs, settings, observe=answer_and_name)
    assert expected.progress.updates >= 2
    assert expected.names.given
    again = restarted([effects.plan for effects in told], logs, settings, tmp_path)
    assert state_to_bytes(again) == state_to_bytes(expected)
