import pytest
import torch

from learner.change.schedule import PendingUpdate
from learner.faults import Faults
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.save.checkpoint import CheckpointStore
from learner.save.format import state_to_bytes
from learner.save.resume import resume
from learner.settings import AutoencoderSettings, ClusterSettings
from learner.step import step
from stream.process.errors import CheckpointCorrupt, InvalidSetting, PositionLost
from tests.learner.small import SETTINGS, digits_log, run_through

ORIGIN = {"cluster": "c1", "topic": "t1"}
TOPIC = "frames"
FRAMES = 144  # the first update is behind, a window of newer frames is not yet learned


@pytest.fixture
def stopped(tmp_path):
    """Return a checkpoint in the middle of a stream, the state it was made of, and the log."""
    log = digits_log(FRAMES)
    state, _ = run_through(log)
    assert state.progress.updates == 1
    assert 0 < len(state.window) < FRAMES
    return CheckpointStore(tmp_path, "m", 3, Faults()).save(state, ORIGIN, 0).folder, state, log


def expired_before(state):
    """Return by partition the first offset that a restart needs."""
    places = state.window.all_places()
    return {
        p: min([offset for partition, offset in places if partition == p], default=at)
        for p, at in state.progress.positions.frames.items()
    }


def changed(**settings):
    """Return the small settings with others, each given to the table that has it."""
    kinds = {"autoencoder": AutoencoderSettings, "clusters": ClusterSettings}
    for table, kind in kinds.items():
        own = {name: settings.pop(name) for name in [*settings] if name in kind.model_fields}
        settings[table] = getattr(SETTINGS, table).model_copy(update=own)
    return SETTINGS.model_copy(update=settings)


def go_on(state, log, plans):
    """Execute the plans that are there, then plan on."""
    logs = InputLogs(log, topic=TOPIC)
    planner = Planner("small", logs, plans, state, lambda: 0, Faults())
    while (plan := planner.next_plan(state, 0.0)) is not None:
        state, _ = step(state, plan, logs.take(plan))
    return state


def test_it_stands_where_the_checkpoint_stood_with_the_window_read_from_the_log(stopped):
    folder, state, _ = stopped
    resumed = resume(folder, SETTINGS, digits_log(FRAMES), ORIGIN, TOPIC)
    assert state_to_bytes(resumed) == state_to_bytes(state)
    assert torch.equal(resumed.window.images(), state.window.images())


def test_it_goes_on_as_if_it_had_never_stopped(stopped):
    folder, _, _ = stopped
    log, plans = digits_log(240), MemoryPlanLog()
    expected, _ = run_through(digits_log(240), plans=plans)
    assert expected.progress.updates == 2
    resumed = resume(folder, SETTINGS, log, ORIGIN, TOPIC)
    assert state_to_bytes(go_on(resumed, log, plans)) == state_to_bytes(expected)


def test_in_the_middle_of_an_interval_it_goes_on_with_what_was_trained_on_and_what_was_not(tmp_path):
    settings = changed(interval_frames=64, drift_threshold=1e9)
    state, _ = run_through(digits_log(96), settings)
    assert state.schedule.pending == PendingUpdate(32, 16, SETTINGS.update_seconds * 1000, "interval")
    folder = CheckpointStore(tmp_path, "m", 3, Faults()).save(state, ORIGIN, 0).folder
    log, plans = digits_log(240), MemoryPlanLog()
    expected, _ = run_through(digits_log(240), settings, plans)
    assert expected.progress.updates > state.progress.updates
    resumed = resume(folder, settings, log, ORIGIN, TOPIC)
    assert state_to_bytes(resumed) == state_to_bytes(state)
    assert (len(resumed.window), len(resumed.window.recent_images())) == (48, 96)
    assert torch.equal(resumed.window.recent_images(), state.window.recent_images())
    assert state_to_bytes(go_on(resumed, log, plans)) == state_to_bytes(expected)


def test_frames_of_the_window_are_read_also_where_older_ones_have_expired(stopped):
    folder, state, log = stopped
    for partition, offset in expired_before(state).items():
        log.expire(partition, offset)
    assert torch.equal(resume(folder, SETTINGS, log, ORIGIN, TOPIC).window.images(), state.window.images())


def test_a_window_whose_frames_have_expired_is_told_with_what_to_do(stopped):
    folder, state, log = stopped
    log.expire(0, state.progress.positions.frames[0])
    remedy = r"expired .*partition 0: offsets 0 to 47,.* new model with --model.* raise stream.frames_retention_bytes"
    with pytest.raises(PositionLost, match=remedy):
        resume(folder, SETTINGS, log, ORIGIN, TOPIC)


def test_a_grown_model_needs_no_frame_again_that_it_was_trained_on(tmp_path):
    settings = changed(window_frames=48, regroup_frames=48)
    state, _ = run_through(digits_log(FRAMES), settings)
    assert (state.progress.updates, len(state.window.recent_images())) == (2, len(state.window))
    folder = CheckpointStore(tmp_path, "m", 3, Faults()).save(state, ORIGIN, 0).folder
    log, plans = digits_log(FRAMES + 96), MemoryPlanLog()
    expected, _ = run_through(digits_log(FRAMES + 96), settings, plans)
    assert expected.progress.updates > state.progress.updates
    for partition, offset in expired_before(state).items():
        log.expire(partition, offset)
    resumed = resume(folder, settings, log, ORIGIN, TOPIC)
    assert state_to_bytes(resumed) == state_to_bytes(state)
    assert state_to_bytes(go_on(resumed, log, plans)) == state_to_bytes(expected)


@pytest.mark.parametrize(("name", "value"), [("cluster", "another"), ("topic", "made anew")])
def test_positions_of_another_cluster_or_topic_are_refused(stopped, name, value):
    folder, _, log = stopped
    with pytest.raises(PositionLost, match=f"belongs to {name} .*, but Kafka has {value}"):
        resume(folder, SETTINGS, log, ORIGIN | {name: value}, TOPIC)


@pytest.mark.parametrize(
    "setting",
    [
        {"input_size": 40},
        {"aspect": "crop"},
        {"channels": (16, 8, 8)},
        {"projection_dimensions": 9},
        {"max_clusters": 17},
    ],
)
def test_a_setting_that_shapes_the_network_cannot_change(stopped, setting):
    folder, _, log = stopped
    (name,) = setting
    with pytest.raises(InvalidSetting, match=f"learner.[a-z]+.{name} is .* set it back or name a new model"):
        resume(folder, changed(**setting), log, ORIGIN, TOPIC)


def test_other_settings_take_effect_at_once_and_all_together(stopped, tmp_path):
    folder, state, log = stopped
    settings = changed(window_frames=40, drift_threshold=0.5, drift_delta=0.1, epochs=3)
    resumed = resume(folder, settings, log, ORIGIN, TOPIC)
    assert resumed.settings == settings
    assert torch.equal(resumed.window.images(), state.window.images()[-40:])
    again = CheckpointStore(tmp_path, "again", 3, Faults()).save(resumed, ORIGIN, 0).folder
    twice = resume(again, settings, digits_log(FRAMES), ORIGIN, TOPIC)
    one, other = (s.detector.observe_excess([3.0] * 20)[1] for s in (resumed, twice))
    assert one == other
    assert one is not None


def test_a_corrupt_checkpoint_is_refused(stopped):
    folder, _, log = stopped
    (folder / "tensors.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointCorrupt):
        resume(folder, SETTINGS, log, ORIGIN, TOPIC)
