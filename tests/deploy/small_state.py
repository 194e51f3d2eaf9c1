"""A learner's state as it stands after updates, drawn instead of learned: made in milliseconds."""

from dataclasses import replace

import torch

from learner.intake.progress import Progress
from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.model import ClusterModel
from learner.model.clusters.projection import fit_projection
from learner.settings import AutoencoderSettings, ClusterSettings, LearnerSettings
from learner.state import LearnerState

SETTINGS = LearnerSettings(
    autoencoder=AutoencoderSettings(channels=(8, 8, 8)),
    clusters=ClusterSettings(projection_dimensions=6, max_clusters=12),
)


def small_state(seed: int, clusters: int = 7, task_seq: int = 1, settings: LearnerSettings = SETTINGS) -> LearnerState:
    """Return a state with ``clusters`` live clusters, whose means lie where images do."""
    draw = torch.Generator().manual_seed(seed)
    model = ClusterModel.new(settings.model_copy(update={"seed": seed}))
    own, size = settings.clusters, settings.autoencoder.input_size
    latents = model.encoder.embed(torch.rand(64, 3, size, size, generator=draw))
    projection = fit_projection(latents, own.projection_dimensions)
    points = projection.forward(latents)
    empty = TiedMixture.empty(own.max_clusters, own.projection_dimensions)
    mixture = replace(empty, covariance_DD=torch.cov(points.T)).with_added(points[:clusters])
    uncertainty = replace(model.uncertainty, modes_KD=mixture.whiten(mixture.means_KD))
    model = replace(model, projection=projection, mixture=mixture, uncertainty=uncertainty)
    progress = Progress(task_seq=task_seq, updates=1, updated_at_task=task_seq)
    return replace(LearnerState.new(settings), model=model, progress=progress)


def cluster_model(state: LearnerState) -> ClusterModel:
    """Return the state's model, which is of the default method."""
    assert isinstance(state.model, ClusterModel)
    return state.model
