"""Stage D: synthetic labelled images of the earlier clusters, and which new components carry these on.

Axes: R synthetic images, K components, J earlier clusters.
"""

from collections.abc import Sequence

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from learner.model.contract import SyntheticImages
from learner.model.paper.frontier import FrontierEncoder
from learner.model.paper.latent_mixture import LatentMixture


def decoded(
    encoder: FrontierEncoder, mixture: LatentMixture, count: int, generator: torch.Generator
) -> SyntheticImages:
    """Make ``count`` labelled images without a teacher, equally many of each cluster: latents, decoded.

    Stands in for stage C's generated images where no worker has sent any.
    """
    if not count:
        return SyntheticImages.none(encoder.preprocessing)
    clusters_R = torch.arange(count) % mixture.live_clusters
    latents_RL = mixture.draw(clusters_R, generator).clamp_min(encoder.least_latent).float()
    return SyntheticImages(encoder.decode(latents_RL), clusters_R)


def carried_clusters(votes_KJ: Tensor) -> Tensor:
    """Stage D, without words: return for each earlier cluster j the new component that carries it on, one to one.

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
