"""Which groups a set of frames falls into, and how many there are.

Spectral clustering of the nearest-neighbour graph (Ng, Jordan and Weiss, 2001), since classes are elongated. How many
groups a few novel frames make is chosen by silhouette (Rousseeuw, 1987), which finds one or two; how many a whole world
has, by modularity (Newman and Girvan, 2004), which finds ten among ten and sees that a present clustering is worse.
docs/experiments.md has the figures.

Axes: N frames, L latent width.
"""

import warnings
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.cluster import SpectralClustering
from sklearn.metrics import silhouette_score
from sklearn.neighbors import kneighbors_graph
from threadpoolctl import threadpool_limits
from torch import Tensor

from learner.model.clusters.projection import fit_projection

_DIMENSIONS = 32  # principal components of the latents in which neighbours are looked for
_JUDGED = 16  # of them, in which a silhouette is taken: in more all distances look alike
_NEIGHBOURS = 8  # each frame is the first of its own
_WIDE_NEIGHBOURS = 15  # of the graph for modularity: with fewer it sees parts of classes
_FEWEST_GROUPS = 2
LEAST_SILHOUETTE = 0.15
"""Below, nothing says that there is more than one group."""

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Grouping:
    """A group for each frame, 0 up, and how distinct the groups are: a silhouette, 0 for a single group."""

    labels_N: Tensor
    silhouette: float

    @property
    def count(self) -> int:
        """How many groups there are."""
        return int(self.labels_N.max()) + 1


@dataclass(frozen=True)
class Bounds:
    """How many groups may be found, how few frames make one, and how near to the best silhouette is good enough."""

    fewest: int
    most: int
    frames: int
    near: float = 1.0


@dataclass(frozen=True)
class Neighbourhood:
    """Frames that are to be grouped, and who lies next to whom.

    Parameters
    ----------
    latents_NL
        Of the frames.
    seed
        Of the eigenvectors' beginning.
    """

    latents_NL: Tensor
    seed: int
    _tried: dict[int, Grouping] = field(default_factory=dict, init=False, repr=False, compare=False)

    def group(self, bounds: Bounds) -> Grouping:
        """Group a few frames: the smallest number whose silhouette is at least ``near`` times the best one's."""
        tried = [self._divided(count) for count in self._counts(bounds)]
        if not tried:
            return self._one
        best = max(grouping.silhouette for grouping in tried)
        if bounds.fewest < _FEWEST_GROUPS and best < LEAST_SILHOUETTE:
            return self._one
        enough = min(bounds.near * best, best)  # a silhouette can be negative
        return next(grouping for grouping in tried if grouping.silhouette >= enough)

    def communities(self, bounds: Bounds) -> Grouping:
        """Group a whole world: the number of groups with the highest modularity."""
        tried = [self._divided(count) for count in self._counts(bounds)]
        return max(tried, key=lambda grouping: self.modularity(grouping.labels_N), default=self._one)

    def _divided(self, count: int) -> Grouping:
        """Return ``count`` groups, or fewer where some are empty."""
        if count not in self._tried:
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Graph is not fully connected")  # then the parts are groups
                warnings.filterwarnings("ignore", message="ARPACK has failed")  # as on equal frames: LOBPCG goes on
                found = SpectralClustering(
                    count, affinity="precomputed", random_state=self.seed, assign_labels="cluster_qr"
                ).fit(self._affinity)
            labels = torch.from_numpy(np.unique(found.labels_, return_inverse=True)[1].astype(np.int64))
            self._tried[count] = Grouping(labels, self.silhouette(labels))
        return self._tried[count]

    def silhouette(self, labels_N: Tensor) -> float:
        """Say how distinct the groups of any grouping are; -1 to 1, and 0 for a single group."""
        labels = labels_N.numpy()
        if not 1 < len(np.unique(labels)) < len(labels):
            return 0.0
        with threadpool_limits(1):
            return float(silhouette_score(self._points[:, :_JUDGED], labels))

    def modularity(self, labels_N: Tensor) -> float:
        """Return the share of neighbours within groups beyond that of a random graph; 0 for a single group.

        Q = Σ_c (e_cc − a_c²), with e_cc the share of edges inside group c and a_c that of edge ends at it.
        """
        labels = labels_N.numpy()
        groups = np.unique(labels, return_inverse=True)[1]
        member_NC = csr_array((np.ones(len(labels)), (np.arange(len(labels)), groups)))
        edges_CC = (member_NC.T @ self._wide @ member_NC).toarray()
        shares_CC = edges_CC / max(edges_CC.sum(), 1.0)
        return float(np.trace(shares_CC) - np.square(shares_CC.sum(0)).sum())

    def _counts(self, bounds: Bounds) -> range:
        frames = len(self.latents_NL)
        fewest = min(bounds.fewest, frames // _FEWEST_GROUPS)  # two frames a group at least
        most = min(bounds.most, frames // bounds.frames)
        return range(max(_FEWEST_GROUPS, fewest), max(most, fewest) + 1)

    @property
    def _one(self) -> Grouping:
        return Grouping(torch.zeros(len(self.latents_NL), dtype=torch.int64), 0.0)

    @cached_property
    def _points(self) -> NDArray[np.float64]:
        dimensions = min(_DIMENSIONS, len(self.latents_NL) - 1, self.latents_NL.shape[1])
        points: NDArray[np.float64] = fit_projection(self.latents_NL, dimensions).forward(self.latents_NL).numpy()
        return points

    @cached_property
    def _affinity(self) -> csr_array:
        return self._graph(_NEIGHBOURS, include_self=True)

    @cached_property
    def _wide(self) -> csr_array:
        return self._graph(_WIDE_NEIGHBOURS, include_self=False)

    def _graph(self, neighbours: int, *, include_self: bool) -> csr_array:
        """Return the symmetric graph of each frame's nearest ones [N, N]."""
        neighbours = min(neighbours, len(self._points) - 1)
        with threadpool_limits(1):
            found = kneighbors_graph(self._points, neighbours, include_self=include_self)
        graph: csr_array = (found + found.T) * 0.5
        return graph
