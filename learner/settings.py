"""The learner's settings; their sha256 is written into every plan.

What one implementation alone needs stands in a table of its own: ``[learner.autoencoder]``, ``[learner.clusters]``,
``[learner.paper]``. docs/settings.md says who needs another value.
"""

import hashlib
import json
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from stream.process.settings import Settings

_NOT_EXECUTED = {
    "micro_task_frames",
    "micro_task_seconds",
    "overload",
    "overload_lag_frames",
    "checkpoint_tasks",
    "keep_checkpoints",
}

Aspect = Literal["stretch", "crop"]
Covariance = Literal["full", "tied", "diag", "spherical"]

CHANNEL_GROUPS = 8  # of the networks' group norm
GRID = 4  # an encoder's last grid has so many cells along each side


class AutoencoderSettings(Settings):
    """The convolutional autoencoder of the default method: its input, its size, its training."""

    input_size: int = Field(32, ge=16, multiple_of=8)
    """Side in pixels that every image is resized to."""
    aspect: Aspect = "stretch"
    """Distort to the square, or cut the middle square out first."""
    channels: tuple[int, int, int] = (64, 32, 32)
    """Output channels of the three convolutions; the paper has 128, 64, 32. Multiples of 8."""
    epochs: int = Field(8, ge=1)
    """Passes over the images of one update."""
    batch_images: int = Field(32, ge=2)
    """Images of one training step."""
    learning_rate: float = Field(1e-3, gt=0)
    """Adam's, at the beginning of an update; each epoch it is multiplied by 0.9, as published."""
    stability: float = Field(0.1, ge=0)
    """How strongly rehearsed images are held to the latents that they had, beside the reconstruction error."""
    word_strength: float = Field(0.3, ge=0)
    """Weight of telling the labeller's words apart in the training, beside the reconstruction error."""

    @field_validator("channels")
    @classmethod
    def _fit_the_norms_groups(cls, channels: tuple[int, int, int]) -> tuple[int, int, int]:
        return _divisible(channels)

    @property
    def latent_width(self) -> int:
        """L."""
        return GRID * GRID * self.channels[2]


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


class PaperSettings(Settings):
    """Read where the published method learns; docs/paper_method.md has what was measured for each choice."""

    input_size: int = Field(32, ge=16, multiple_of=8)
    """Side in pixels that every image is resized to."""
    aspect: Aspect = "stretch"
    """Distort to the square, or cut the middle square out first."""
    max_clusters: int = Field(64, ge=5)
    """The most clusters, and the slots of what is served."""
    channels: tuple[int, int, int] = (128, 64, 32)
    """Stage A, published: output channels of the three convolutions. Multiples of 8."""
    learning_rate: float = Field(1e-3, gt=0)
    """Stages A and D, published: Adam's at the beginning of an update; each epoch it is multiplied by 0.9."""
    batch_images: int = Field(32, ge=2)
    """Stages A and D, published: images of one training step."""
    epochs: int = Field(8, ge=1)
    """Stages A and D, left open: passes over the images of one update."""
    births: int = Field(2, ge=1)
    """Stage A, left open: components added at each update; the authors' code has the number of classes of a task."""
    covariance: Covariance = "tied"
    """Stage A, left open: shape of a component's covariance."""
    threshold_rate: float = Field(0.1, ge=0, le=1)
    """Stage B, left open: η of the recursion of each cluster's threshold."""
    uncertain_rate: float = Field(0.2, gt=0, le=1)
    """Left open: an update follows when more than this share of a micro-task is uncertain; μ + σ flags about 0.16."""

    @field_validator("channels")
    @classmethod
    def _fit_the_norms_groups(cls, channels: tuple[int, int, int]) -> tuple[int, int, int]:
        return _divisible(channels)


class LearnerSettings(Settings):
    """How one model plans, decides and learns. Frames are counted, times are seconds."""

    method: Literal["r2r", "paper"] = "r2r"
    """This project's learner, or the paper's stages A, B and D as published."""

    # Plan
    micro_task_frames: int = Field(64, ge=1)
    """A plan is cut at so many frames …"""
    micro_task_seconds: float = Field(1.0, gt=0)
    """… or when the oldest waiting frame has waited so long."""
    overload: Literal["lag", "sample"] = "lag"
    """When frames come too fast: fall behind, or learn from a share of them and count the rest …"""
    overload_lag_frames: int = Field(4096, ge=64)
    """… as soon as so many are waiting."""
    window_frames: int = Field(512, ge=32)
    """The newest frames not yet trained on that an update learns from."""

    # When to learn
    warm_up_frames: int = Field(90, ge=16)
    """The first update learns from so many frames."""
    update_frames: int = Field(90, ge=16)
    """After a drift signal the update waits for so many newer frames …"""
    update_seconds: float = Field(10.0, gt=0)
    """… or for so long."""
    interval_frames: int = Field(128, ge=32)
    """Without a change an update comes after so many frames, then after twice as many, up to half a window."""
    drift_detector: Literal["page_hinkley", "adwin", "kswin"] = "page_hinkley"
    """What looks for a change of the world; the paper's method has its own rule."""
    drift_threshold: float = Field(20.0, gt=0)
    """PageHinkley's λ, in standard deviations of a cluster's dispersion, summed over frames."""
    drift_delta: float = Field(0.3, ge=0)
    """PageHinkley's δ: an excess per frame that is not yet a change, in standard deviations."""

    # Rehearsal and replay
    recall: bool = True
    """Learn again from images of the past that the model decodes; False forgets."""
    recall_ratio: float = Field(1.0, gt=0)
    """Recalled images for each image of the window."""
    replay: bool = True
    """Ask replay workers for images of each cluster before an update; without workers it costs and changes nothing."""
    exemplars: int = Field(5, ge=0, le=5)
    """Real images kept of each cluster, from which workers generate others; 0 keeps none."""
    members: int = Field(16, ge=0, le=16)
    """So many frames of each cluster are sent to the labeller before an update, beside the exemplars."""
    replay_images: int = Field(64, ge=1)
    """At most so many are asked for of each class; never more than the update rehearses of it …"""
    replay_images_in_all: int = Field(512, ge=1)
    """… and of all together, those first that were not seen for longest."""
    replay_seconds: float = Field(60.0, gt=0)
    """Time to live of requests and samples: what comes too late for its update serves the next one until then."""

    # Process
    seed: int = Field(0, ge=0)
    threads: int = Field(1, ge=1)
    """Of torch; the same number gives the same bits."""
    checkpoint_tasks: int = Field(64, ge=1)
    """A checkpoint is written after every update, and at the latest after so many plans."""
    keep_checkpoints: int = Field(16, ge=2)
    """So many of the newest checkpoints stay on disk."""

    autoencoder: AutoencoderSettings = AutoencoderSettings()
    clusters: ClusterSettings = Field(ClusterSettings(), validate_default=True)
    paper: PaperSettings = PaperSettings()

    @field_validator("clusters")
    @classmethod
    def _fit_window_and_latents(cls, clusters: ClusterSettings, info: ValidationInfo) -> ClusterSettings:
        encoder = info.data.get("autoencoder", AutoencoderSettings())
        most = min(info.data.get("window_frames", 32), encoder.latent_width)
        if clusters.projection_dimensions > most:
            chosen = f"projection_dimensions = {clusters.projection_dimensions}"
            message = f"{chosen}: at most {most} components exist for these window_frames and channels"
            raise ValueError(message)
        return clusters

    @property
    def longest_interval_frames(self) -> int:
        """After how many frames an update comes at the latest: half a window, or the interval where that is longer."""
        return min(max(self.interval_frames, self.window_frames // 2), self.window_frames)

    def rehearsed_images(self, window_frames: int) -> int:
        """Return how many images are rehearsed beside a window: 1:1 by default."""
        return round(window_frames * self.recall_ratio) if self.recall else 0

    def sha256(self) -> str:
        """Name what an execution depends on, whatever order it was written in.

        Settings that only plan or store are left out, and so are defaults: a later release's new setting changes no
        name. A default that changes there must change the plan's major version.
        """
        body = self.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_EXECUTED)
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _divisible(channels: tuple[int, int, int]) -> tuple[int, int, int]:
    """Refuse numbers of channels that the group norm cannot divide."""
    if any(count < 1 or count % CHANNEL_GROUPS for count in channels):
        message = f"each number of channels must be a positive multiple of {CHANNEL_GROUPS}"
        raise ValueError(message)
    return channels
