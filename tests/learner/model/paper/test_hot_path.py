"""Scoring a micro-task costs the same however large the clusters were: counted in operations and their elements."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from learner.model.contract import score_images
from learner.model.paper.frontier import FrontierEncoder
from learner.model.paper.latent_mixture import fit_mixture
from learner.model.paper.model import PaperModel
from learner.model.paper.sg_udfm import fit_feedback
from tests.learner.model.paper.tiny import PAPER


class Work(TorchDispatchMode):
    """Counts every operation of torch and the elements of what it returns."""

    def __init__(self):
        super().__init__()
        self.operations = 0
        self.elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        returned = function(*args, **(kwargs or {}))
        self.operations += 1
        self.elements += sum(
            value.numel() for value in torch.utils._pytree.tree_leaves(returned) if torch.is_tensor(value)
        )
        return returned


def model_of_clusters(members):
    encoder = FrontierEncoder.new(PAPER, 0)
    latents = torch.rand(2 * members, encoder.network.latent_width, generator=torch.Generator().manual_seed(0))
    latents[members:] += 3
    mixture = fit_mixture(latents, 2, PAPER, 0)
    return PaperModel(encoder, mixture, fit_feedback(latents, mixture.assign(latents), 2), PAPER)


def work_of_a_micro_task(model, frames):
    images = torch.rand(frames, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with Work() as work:
        model.follow(score_images(model, images), moves=True)
    return work.operations, work.elements


def test_scoring_and_following_do_the_same_work_for_small_and_for_large_clusters():
    small, large = (work_of_a_micro_task(model_of_clusters(members), 16) for members in (40, 1280))
    assert small == large


def test_the_work_grows_no_faster_than_the_frames():
    model = model_of_clusters(40)
    few, many = (work_of_a_micro_task(model, frames)[1] for frames in (16, 64))
    assert few < many <= 4 * few
