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
    """Output channels of the three convolutions, each a multiple of 8; the paper has 128, 64, 32."""
    epochs: int = Field(8, ge=1)
    """Passes over the images of one update."""
    batch_images: int = Field(32, ge=2)
    """Images of one training step."""
    learning_rate: float = Field(1e-3, gt=0)
    """Adam's learning rate at the beginning of an update; each epoch it is multiplied by 0.9, as published."""
    stability: float = Field(0.1, ge=0)
    """Weight in the loss of how far the latents of rehearsed images move; the reconstruction error has weight 1."""
    word_strength: float = Field(0.3, ge=0)
    """Weight in the loss of telling the labeller's words apart; the reconstruction error has weight 1."""

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
    """Number of principal components of the latents; the mixture is fitted in these."""
    max_clusters: int = Field(64, ge=5)
    """K_max, the most clusters at a time; the slots are allocated at the start."""
    most_births: int = Field(15, ge=1)
    """The most new clusters of an update. The silhouette decides how many of these groups its novel frames make."""
    cluster_frames: int = Field(8, ge=2)
    """The fewest frames of a new cluster. One whose mean was estimated from fewer than half as many is removed."""
    merge_distance: float = Field(3.0, ge=0)
    """Clusters whose means are nearer to each other than this, in standard deviations, are merged; 0 never merges."""
    regroup_frames: int = Field(1024, ge=0)
    """A mixture is young while its covariance was estimated from fewer frames than this. While it is young, an
    update without drift signal and novel frames may group the recent frames afresh. 0 never regroups. The count of
    frames behind the covariance is capped at 2,000, so above 2,000 the mixture stays young for ever."""
    novel_rate: float = Field(0.25, gt=0, le=1)
    """Without a drift signal, an update adds clusters only if at least this share of its frames is novel."""
    follow: Literal["named", "always", "never"] = "named"
    """Whether clusters move with the frames between updates: where a labeller has named some, always, or never."""
    follow_frames: float = Field(20.0, gt=0)
    """How many frames a cluster's mean counts as when it moves between updates (`follow`): the fewer, the faster."""
    threshold_rate: float = Field(0.1, ge=0, le=1)
    """η of the recursion of each cluster's threshold; the paper does not state it."""


class PaperSettings(Settings):
    """The published method; read where `learner.method = "paper"`. docs/paper_method.md has what was measured."""

    input_size: int = Field(32, ge=16, multiple_of=8)
    """Side in pixels that every image is resized to."""
    aspect: Aspect = "stretch"
    """Distort to the square, or cut the middle square out first."""
    max_clusters: int = Field(64, ge=5)
    """The most clusters, and the slots of what is served."""
    channels: tuple[int, int, int] = (128, 64, 32)
    """Stage A, published: output channels of the three convolutions, each a multiple of 8."""
    learning_rate: float = Field(1e-3, gt=0)
    """Stages A and D, published: Adam's learning rate when an update begins; each epoch it is multiplied by 0.9."""
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
    """A plan is cut when so many frames wait, or earlier: see `micro_task_seconds`."""
    micro_task_seconds: float = Field(1.0, gt=0)
    """A plan is cut when its oldest frame has waited so long, even if fewer than `micro_task_frames` wait."""
    overload: Literal["lag", "sample"] = "lag"
    """When frames come too fast: fall behind (`lag`), or learn from a share of them and count the rest (`sample`)."""
    overload_lag_frames: int = Field(4096, ge=64)
    """With `overload = "sample"`: from how many waiting frames on only a share of them is learned from."""
    window_frames: int = Field(512, ge=32)
    """The most frames that an update learns from: the newest that no update has learned from yet."""

    # When to learn
    warm_up_frames: int = Field(90, ge=16)
    """How many frames the first update waits for."""
    update_frames: int = Field(90, ge=16)
    """After a drift signal the update waits for so many newer frames, but no longer than `update_seconds`."""
    update_seconds: float = Field(10.0, gt=0)
    """The longest that an update waits for its newer frames (`update_frames`)."""
    interval_frames: int = Field(128, ge=32)
    """Without a drift signal an update comes after so many frames, then after twice as many each time, up to half of
    `window_frames`."""
    drift_detector: Literal["page_hinkley", "adwin", "kswin"] = "page_hinkley"
    """The detector that looks for a change in the frames' scores; the paper's method has its own rule instead."""
    drift_threshold: float = Field(20.0, gt=0)
    """PageHinkley's λ: a change is signalled when the summed excess rises by more than this above its minimum. In
    standard deviations of a cluster's dispersion."""
    drift_delta: float = Field(0.3, ge=0)
    """PageHinkley's δ: so much of each frame's excess is not summed, in the same unit as `drift_threshold`."""

    # Rehearsal and replay
    recall: bool = True
    """Whether updates also train on images of the past that the model decodes. Without it old classes are forgotten."""
    recall_ratio: float = Field(1.0, gt=0)
    """Rehearsed images for each frame of the window."""
    replay: bool = True
    """Whether replay workers are asked for images of each cluster before an update; without workers nothing changes."""
    exemplars: int = Field(5, ge=0, le=5)
    """How many real images of each cluster are kept, for workers to generate others from; 0 keeps none."""
    members: int = Field(16, ge=0, le=16)
    """How many frames of each cluster, besides the exemplars, are sent to the labeller before an update."""
    replay_images: int = Field(64, ge=1)
    """The most generated images asked for of each class before an update; never more than it rehearses of the class."""
    replay_images_in_all: int = Field(512, ge=1)
    """The most generated images asked for of all classes together before an update; clusters that were not seen for
    longest come first."""
    replay_seconds: float = Field(60.0, gt=0)
    """Time to live of a request and of its samples. Samples too late for their update serve the next one until then."""

    # Process
    seed: int = Field(0, ge=0)
    """Seed of the random draws. The same seed, plans and `threads` give the same model, bit for bit."""
    threads: int = Field(1, ge=1)
    """Threads of torch; results are the same bits only for the same number of threads."""
    checkpoint_tasks: int = Field(64, ge=1)
    """A checkpoint is written after each update and each new name, and at the latest after so many plans."""
    keep_checkpoints: int = Field(16, ge=2)
    """How many of the newest checkpoints stay on disk."""

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
