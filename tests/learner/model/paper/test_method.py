"""``method = "paper"`` in the service's own loop: the same plans, windows, checkpoints."""

from collections import Counter

import pytest
import torch

from learner.memory.exemplars import Exemplars, to_bytes_image
from learner.model.clusters.model import ClusterModel
from learner.model.contract import UpdateInputs, live_ids
from learner.model.paper.model import PaperModel
from learner.model.paper.sg_udfm import density_mode, nearest_to_mode
from learner.plan.plan_log import MemoryPlanLog
from learner.save.format import state_from_bytes, state_to_bytes
from learner.state import LearnerState
from tests.learner.model.paper.tiny import PAPER, SETTINGS
from tests.learner.small import SETTINGS as OURS
from tests.learner.small import digit_images, digits_log, run_through


@pytest.fixture(scope="module")
def learned():
    return run_through(digits_log(320), SETTINGS)


def test_the_setting_decides_which_method_learns():
    assert isinstance(LearnerState.new(SETTINGS).model, PaperModel)
    assert isinstance(LearnerState.new(OURS).model, ClusterModel)
    assert OURS.method == "r2r"


def test_it_learns_from_the_warm_up_and_then_when_the_uncertain_rate_says_so(learned):
    state, tasks = learned
    signals = [effects for effects in tasks if effects.signal is not None]
    updates = [effects.update for effects in tasks if effects.update is not None]
    assert updates[0].window_frames == max(SETTINGS.warm_up_frames, state.model.traits.fewest_frames)
    assert signals
    assert {effects.signal.detector for effects in signals} == {"uncertain_rate"}
    for effects in signals:
        assert effects.uncertain_rate == effects.signal.statistic > PAPER.uncertain_rate
    changes = Counter(update.cause for update in updates)["change"]
    assert state.model.mixture.live_clusters == changes * PAPER.births > PAPER.births
    assert state.exemplars.by_cluster.keys() <= set(live_ids(state.model))


def test_thresholds_follow_every_micro_task():
    runs = (run_through(digits_log(frames), SETTINGS) for frames in (320, 300, 280))
    feedback = next(state for state, tasks in runs if tasks[-1].update is None).model.feedback
    assert not torch.equal(feedback.threshold_K, feedback.mean_K + feedback.deviation_K)


def test_the_same_plans_give_the_same_bits():
    plans = MemoryPlanLog()
    one, _ = run_through(digits_log(200), SETTINGS, plans)
    again, _ = run_through(digits_log(200), SETTINGS, plans)
    assert state_to_bytes(one) == state_to_bytes(again)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_a_checkpoint_brings_back_every_bit(covariance):
    settings = SETTINGS.model_copy(update={"paper": PAPER.model_copy(update={"covariance": covariance})})
    for frames in (16, 64):  # before and after the first update
        state, _ = run_through(digits_log(frames), settings)
        written = state_to_bytes(state)
        loaded = state_from_bytes(written)
        assert isinstance(loaded.model, PaperModel)
        assert state_to_bytes(loaded)["tensors.safetensors"] == written["tensors.safetensors"]
        assert loaded.model.mixture.next_id == state.model.mixture.next_id


def test_the_exemplars_for_stage_c_are_the_published_choice():
    window = digit_images(0, SETTINGS.warm_up_frames)
    generator = torch.Generator().manual_seed(3)
    known, _ = PaperModel.new(SETTINGS).learn(UpdateInputs.alone(window), generator)
    latents = known.encoder.embed(window)
    clusters = known.mixture.assign(latents)
    exemplars = Exemplars().renewed(known, window, 5).by_cluster
    assert len(exemplars) == 2
    for cluster, images in exemplars.items():
        members = torch.nonzero(clusters == cluster).flatten()
        nearest = nearest_to_mode(latents[members], density_mode(latents[members]), 5)
        assert torch.equal(images, to_bytes_image(window[members[nearest]]))
