"""A learner's state as it stands after updates, drawn instead of learned: made in milliseconds."""

from dataclasses import replace

import torch
from learner.model.clusters.knowledge import Knowledge

from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.projection import Projection
from learner.settings import LearnerSettings
from learner.state import LearnerState

SETTINGS = LearnerSettings(encoder_channels=(8, 8, 8), projection_dimensions=6, max_clusters=12)


def small_state(seed: int, clusters: int = 7, task_seq: int = 1, settings: LearnerSettings = SETTINGS) -> LearnerState:
    """Return a state with ``clusters`` live clusters, whose means lie where images do."""
    draw = torch.Generator().manual_seed(seed)
    state = LearnerState.new(settings)
    knowledge = Knowledge.nothing(settings.model_copy(update={"seed": seed}))
    images = torch.rand(64, 3, settings.input_size, settings.input_size, generator=draw)
    with torch.no_grad():
        latents = knowledge.network.encode(images).double()
    _, _, rows = torch.linalg.svd(latents - latents.mean(0), full_matrices=False)
    projection = Projection(latents.mean(0), rows[: settings.projection_dimensions].contiguous())
    points = projection.forward(latents)
    empty = TiedMixture.empty(settings.max_clusters, settings.projection_dimensions)
    mixture = replace(empty, covariance_DD=torch.cov(points.T)).born(points[:clusters])
    uncertainty = replace(knowledge.uncertainty, modes_KD=mixture.whiten(mixture.means_KD))
    state.knowledge = Knowledge(knowledge.network, projection, mixture, uncertainty)
    state.task_seq = state.updated_at_task = task_seq
    state.updates = 1
    return state
