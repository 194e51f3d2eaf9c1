"""Stage D: train on the stream and on synthetic labelled images in balanced proportion, then name the clusters.

Axes: W images of the window, R synthetic ones, B of a batch, C = 3 channels, S = input size, K clusters.
"""

import copy
from collections.abc import Sequence

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from learner.model.clusters.recall import Recalled
from learner.model.encoders.autoencoder import in_batches
from learner.model.paper.frontier import FrontierModel, reconstruction_error
from learner.model.paper.latent_mixture import LatentMixture
from learner.settings import LearnerSettings


def decoded(network: FrontierModel, mixture: LatentMixture, count: int, generator: torch.Generator) -> Recalled:
    """Make ``count`` labelled images without a teacher, equally many of each cluster: latents, decoded.

    Stands in for stage C's generated images where no worker has sent any.
    """
    if not count:
        return Recalled(torch.zeros(0, 3, network.input_size, network.input_size), torch.zeros(0, dtype=torch.int64))
    clusters_R = torch.arange(count) % mixture.live_clusters
    latents_RL = mixture.draw(clusters_R, generator).clamp_min(0.0).float()  # the encoder's ReLU gives none below
    return Recalled(in_batches(network.decode, latents_RL), clusters_R)


def balanced_batches(real: int, synthetic: int, batch: int, generator: torch.Generator) -> list[Tensor]:
    """Stage D, balanced proportion: batches of indices, half real (0 … W−1), half synthetic (W … W+R−1).

    One pass over the larger part; the smaller is shuffled anew as often as it runs out. Without synthetic images all
    of a batch is real.
    """
    if not synthetic:
        return list(torch.split(torch.randperm(real, generator=generator), batch))
    length = max(real, synthetic)
    real_halves = torch.split(_endless(real, length, generator), batch // 2)
    synthetic_halves = torch.split(_endless(synthetic, length, generator) + real, batch // 2)
    return [torch.cat(halves) for halves in zip(real_halves, synthetic_halves, strict=True)]


def train(
    start: FrontierModel,
    window_WCSS: Tensor,
    synthetic_RCSS: Tensor,
    settings: LearnerSettings,
    generator: torch.Generator,
) -> tuple[FrontierModel, float, int]:
    """Train a copy by the reconstruction error: Adam, its rate multiplied by 0.9 after each epoch, batches of 32.

    Returns
    -------
    The network, ready to encode; the last batch's error; how many images were back-propagated.
    """
    network = copy.deepcopy(start).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, settings.learning_rate_decay)
    images_NCSS = torch.cat([window_WCSS, synthetic_RCSS]).contiguous(memory_format=torch.channels_last)
    loss, seen = torch.zeros(()), 0
    for _ in range(settings.paper_epochs):
        batches = balanced_batches(len(window_WCSS), len(synthetic_RCSS), settings.batch_images, generator)
        for batch in batches:
            images_BCSS = images_NCSS[batch]
            loss = reconstruction_error(images_BCSS, network.decode(network.encode(images_BCSS)))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            seen += len(batch)
        schedule.step()
    return network.eval(), float(loss.detach()), seen


def carried_clusters(votes_KJ: Tensor) -> Tensor:
    """Stage D, without words: return for each earlier cluster j which new component bears its images, one for each.

    Parameters
    ----------
    votes_KJ
        How many synthetic images of cluster j fall into component k; K ≥ J.
    """
    components, earlier = linear_sum_assignment(-votes_KJ.numpy())
    carried_J = torch.zeros(votes_KJ.shape[1], dtype=torch.int64)
    carried_J[torch.from_numpy(earlier)] = torch.from_numpy(components)
    return carried_J


def count_votes(components_R: Tensor, clusters_R: Tensor, components: int, clusters: int) -> Tensor:
    """Return [K, J]: synthetic images of cluster j in component k."""
    cells = torch.bincount(components_R * clusters + clusters_R, minlength=components * clusters)
    return cells.view(components, clusters)


def names_by_vote(components_R: Tensor, names: Sequence[str], components: int) -> dict[int, str]:
    """Stage D, clusters get the names: each component that of most labelled images in it; "" does not vote.

    A component without votes has no name. Of names with equally many votes the first in the alphabet wins.

    Examples
    --------
    >>> names_by_vote(torch.tensor([0, 0, 0, 1]), ["cat", "dog", "dog", ""], 3)
    {0: 'dog'}
    """
    found: dict[int, str] = {}
    for component in range(components):
        voted = [name for mine, name in zip((components_R == component).tolist(), names, strict=True) if mine and name]
        if voted:
            found[component] = max(sorted(set(voted)), key=voted.count)
    return found


def _endless(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Return ``length`` of 0 … count−1, each round shuffled anew."""
    rounds = -(-length // count)
    return torch.cat([torch.randperm(count, generator=generator) for _ in range(rounds)])[:length]
