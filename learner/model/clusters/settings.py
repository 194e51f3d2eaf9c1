"""The settings of the mixture of clusters."""

from typing import Literal

from pydantic import Field

from stream.process.settings import Settings


class ClusterSettings(Settings):
    """The tied Gaussian mixture of the default method: its size, and how clusters are added, joined and dropped."""

    projection_dimensions: int = Field(48, ge=2)
    """Principal components of the latents in which the mixture lives."""
    max_clusters: int = Field(64, ge=5)
    """Preallocated slots, K_max."""
    most_births: int = Field(15, ge=1)
    """So many groups at most are looked for among an update's novel frames; their silhouette decides."""
    cluster_frames: int = Field(8, ge=2)
    """A new cluster needs so many frames at least. One with fewer than half of that behind it is dropped."""
    merge_distance: float = Field(3.0, ge=0)
    """Clusters whose means are nearer are joined, in standard deviations; 0 never joins."""
    regroup_frames: int = Field(1024, ge=0)
    """A mixture is young, and may group its recent frames afresh in a quiet world, while it was fitted to fewer frames
    than this. 0 never regroups; above 2,000 the mixture stays young for ever."""
    novel_rate: float = Field(0.25, gt=0, le=1)
    """Share of novel frames from which an update adds clusters though no change was signalled."""
    follow: Literal["named", "always", "never"] = "named"
    """Whether clusters follow a world that changes slowly, between updates: where a labeller named some, or always …"""
    follow_frames: float = Field(20.0, gt=0)
    """… as if so many frames stood behind each mean: the fewer, the faster."""
    threshold_rate: float = Field(0.1, ge=0, le=1)
    """η of the recursion of each cluster's threshold; the paper does not state it."""
