"""One update: the window and its rehearsal in, new knowledge out. No input or output, no clock.

Axes: N images (W of the window, then R recalled), C = 3, S = input size, K slots, D dimensions.
"""

import copy
from dataclasses import dataclass

import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor

from learner.autoencoder import Autoencoder, in_batches
from learner.faults import Faults
from learner.knowledge import Knowledge
from learner.mixture import TiedMixture, fit
from learner.projection import Projection, fit_projection
from learner.recall import Recalled, recall
from learner.settings import LearnerSettings
from learner.uncertainty import fit_uncertainty

_FEWEST_PER_BIRTH = 5


@dataclass(frozen=True)
class UpdateReport:
    """What an update did: evidence for its event, and cost."""

    window_frames: int
    recalled_images: int
    images_backpropagated: int
    loss: float
    born: list[int]
    births_without_slot: int
    live_clusters: int


def update(
    knowledge: Knowledge,
    window_NCSS: Tensor,
    settings: LearnerSettings,
    generator: torch.Generator,
    faults: Faults,
) -> tuple[Knowledge, UpdateReport]:
    """Learn from the window without forgetting; ``knowledge`` itself stays as it was.

    1. ``novel``     which frames of the window the model does not know yet
    2. ``recall``    the past, decoded
    3. ``train``     the autoencoder on both, in equal parts
    4. ``project``   the latents on new principal components
    5. ``carry``     the old clusters there, by where their recalled images went
    6. ``bear``      new clusters among the novel frames
    7. ``fit``       the mixture to both, and each cluster's thresholds
    """
    novel_W = _novel(knowledge, window_NCSS, settings)
    count = round(len(window_NCSS) * settings.recall_ratio) if settings.recall else 0
    past = recall(knowledge, count, settings.recall_temperature, generator)
    images_NCSS = torch.cat([window_NCSS, past.images_NCSS])
    network, loss = _train(knowledge.network, images_NCSS, settings, generator)
    faults.reached("mid_update")

    latents_NL = in_batches(network.encode, images_NCSS)
    projection = fit_projection(latents_NL, settings.projection_dimensions)
    coordinates_ND = projection.forward(latents_NL)
    carried = _carry(knowledge, projection, past, coordinates_ND[len(window_NCSS) :])
    first_seed = int(torch.randint(2**31, (1,), generator=generator))
    candidates_ND = coordinates_ND[: len(window_NCSS)][novel_W]
    centres_MD = _centres(candidates_ND, settings.births, first_seed)
    mixture = carried.born(centres_MD)
    unknown_W = torch.full((len(window_NCSS),), -1, dtype=torch.int64)
    mixture = fit(mixture, coordinates_ND, torch.cat([unknown_W, past.slots_N]))

    slots_N = mixture.probabilities(coordinates_ND).argmax(1)
    uncertainty = fit_uncertainty(mixture.whiten(coordinates_ND), slots_N, mixture.live_K)
    report = UpdateReport(
        window_frames=len(window_NCSS),
        recalled_images=len(past.slots_N),
        images_backpropagated=len(images_NCSS) * settings.epochs,
        loss=loss,
        born=list(range(knowledge.mixture.next_id, mixture.next_id)),
        births_without_slot=len(centres_MD) - (mixture.next_id - knowledge.mixture.next_id),
        live_clusters=mixture.live_clusters,
    )
    return Knowledge(network, projection, mixture, uncertainty), report


def _novel(knowledge: Knowledge, window_NCSS: Tensor, settings: LearnerSettings) -> Tensor:
    """Return True for the uncertain frames; if they are too few to bear from, for the half with the most excess."""
    if knowledge.projection is None:
        return torch.ones(len(window_NCSS), dtype=torch.bool)
    scores = knowledge.score(window_NCSS)
    if int(scores.uncertain_N.sum()) >= _FEWEST_PER_BIRTH * settings.births:
        return scores.uncertain_N
    return scores.excess_N >= scores.excess_N.median()


def _train(
    start: Autoencoder, images_NCSS: Tensor, settings: LearnerSettings, generator: torch.Generator
) -> tuple[Autoencoder, float]:
    network = copy.deepcopy(start).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, settings.learning_rate_decay)
    loss = torch.zeros(())
    for _ in range(settings.epochs):
        for batch in torch.split(torch.randperm(len(images_NCSS), generator=generator), settings.batch_images):
            loss = network.reconstruction_loss(images_NCSS[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        schedule.step()
    return network.eval(), float(loss.detach())


def _carry(knowledge: Knowledge, projection: Projection, past: Recalled, recalled_RD: Tensor) -> TiedMixture:
    """Return the old mixture with its means moved into the new space; without recall, by way of the old latents."""
    old = knowledge.mixture
    means_KD = old.means_KD.clone()
    for slot in torch.nonzero(old.live_K).flatten().tolist():
        members = recalled_RD[past.slots_N == slot]
        if len(members):
            means_KD[slot] = members.mean(0)
        elif knowledge.projection is not None:
            means_KD[slot] = projection.forward(knowledge.projection.backward(old.means_KD[slot : slot + 1]))[0]
    return TiedMixture(means_KD, old.ids_K, old.covariance_DD, old.next_id)


def _centres(candidates_ND: Tensor, births: int, seed: int) -> Tensor:
    """Return at most ``births`` centres of the candidates by k-means, in one thread: its sums depend on their order."""
    with threadpool_limits(1):
        means = KMeans(min(births, len(candidates_ND)), n_init=10, random_state=seed).fit(candidates_ND.numpy())
    return torch.from_numpy(means.cluster_centers_)
