"""``method = "paper"`` in the service's own loop: the same plans, windows, checkpoints."""

import pytest
import torch
from learner.model.clusters.knowledge import Knowledge
from learner.model.method import learn
from learner.model.paper.knowledge import PaperKnowledge
from learner.save.state_format import state_from_bytes, state_to_bytes

from learner.faults import Faults
from learner.memory.exemplars import Exemplars, to_bytes_image
from learner.model.clusters.update import Material
from learner.model.encoders.autoencoder import in_batches
from learner.model.paper.sg_udfm import density_mode, nearest_to_mode
from learner.plan.plan_log import MemoryPlanLog
from learner.settings import LearnerSettings
from learner.state import LearnerState
from tests.learner.model.paper.tiny import SETTINGS
from tests.learner.small import SETTINGS as OURS
from tests.learner.small import digit_images, digits_log, run_through


@pytest.fixture(scope="module")
def learned():
    return run_through(digits_log(320), SETTINGS)


def test_the_setting_decides_which_method_learns():
    assert isinstance(LearnerState.new(SETTINGS).knowledge, PaperKnowledge)
    assert isinstance(LearnerState.new(OURS).knowledge, Knowledge)
    assert OURS.method == "r2r"


def test_it_learns_from_the_warm_up_and_then_when_the_uncertain_rate_says_so(learned):
    state, reports = learned
    signals = [report for report in reports if report.signal is not None]
    updates = [report.update for report in reports if report.update is not None]
    assert updates[0].window_frames == SETTINGS.warm_up_frames
    assert signals
    assert {report.signal.detector for report in signals} == {"uncertain_rate"}
    for report in signals:
        assert report.uncertain_rate == report.signal.statistic > SETTINGS.paper_uncertain_rate
    changes = [update for update in updates if update.cause == "change"]
    assert state.knowledge.mixture.live_clusters == len(changes) * SETTINGS.paper_births > SETTINGS.paper_births
    assert state.exemplars.by_cluster.keys() <= set(state.knowledge.mixture.ids_K.tolist())


def test_thresholds_follow_every_micro_task():
    runs = (run_through(digits_log(frames), SETTINGS) for frames in (320, 300, 280))
    feedback = next(state for state, reports in runs if reports[-1].update is None).knowledge.feedback
    assert not torch.equal(feedback.threshold_K, feedback.mean_K + feedback.deviation_K)


def test_the_same_plans_give_the_same_bits():
    plans = MemoryPlanLog()
    one, _ = run_through(digits_log(200), SETTINGS, plans)
    again, _ = run_through(digits_log(200), SETTINGS, plans)
    assert state_to_bytes(one) == state_to_bytes(again)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_a_checkpoint_brings_back_every_bit(covariance):
    settings = LearnerSettings(**SETTINGS.model_dump() | {"paper_covariance": covariance})
    for frames in (16, 64):  # before and after the first update
        state, _ = run_through(digits_log(frames), settings)
        written = state_to_bytes(state)
        loaded, _ = state_from_bytes(written)
        assert isinstance(loaded.knowledge, PaperKnowledge)
        assert state_to_bytes(loaded)["tensors.safetensors"] == written["tensors.safetensors"]
        assert loaded.knowledge.mixture.next_id == state.knowledge.mixture.next_id


def test_the_exemplars_for_stage_c_are_the_published_choice():
    window = digit_images(0, SETTINGS.warm_up_frames)
    known, _ = learn(LearnerState.new(SETTINGS).knowledge, Material.alone(window), SETTINGS, draw(), Faults())
    latents = in_batches(known.network.encode, window)
    clusters = known.mixture.assign(latents)
    exemplars = Exemplars().renewed(known, window, 5).by_cluster
    assert len(exemplars) == 2
    for cluster, images in exemplars.items():
        members = torch.nonzero(clusters == cluster).flatten()
        nearest = nearest_to_mode(latents[members], density_mode(latents[members], SETTINGS), 5)
        assert torch.equal(images, to_bytes_image(window[members[nearest]]))


def draw():
    return torch.Generator().manual_seed(3)
