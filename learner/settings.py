"""The learner's settings; their sha256 is written into every plan."""

import hashlib
import json
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from learner.model.paper.settings import PaperSettings

_GROUPS = 8  # of the network's group norm


_NOT_EXECUTED = (
    "micro_task_frames",
    "micro_task_seconds",
    "overload",
    "overload_lag_frames",
    "checkpoint_tasks",
    "keep_checkpoints",
)


class LearnerSettings(PaperSettings):
    """How one model plans, scores, decides and learns. Frames are counted, times are seconds."""

    method: Literal["r2r", "paper"] = "r2r"
    """This project's learner, or the paper's stages A, B and D as published, with the settings named ``paper_…``."""

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

    # Images
    input_size: int = Field(32, ge=16, multiple_of=8)
    """Side in pixels that every image is resized to."""
    aspect: Literal["stretch", "crop"] = "stretch"
    """Distort to the square, or cut the middle square out first."""

    # Autoencoder
    encoder_channels: tuple[int, int, int] = (64, 32, 32)
    """Output channels of the three convolutions; the paper has 128, 64, 32. Multiples of 8."""
    epochs: int = Field(8, ge=1)
    batch_images: int = Field(32, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    learning_rate_decay: float = Field(0.9, gt=0, le=1)
    """Factor for each epoch of an update, as published."""

    # Mixture
    projection_dimensions: int = Field(48, ge=2, validate_default=True)
    """Principal components of the latents in which the mixture lives."""
    max_clusters: int = Field(64, ge=5)
    """Preallocated slots, K_max."""
    fewest_births: int = Field(1, ge=1)
    most_births: int = Field(15, ge=1)
    """How many groups an update looks for among novel frames; their silhouette decides."""
    birth_tolerance: float = Field(0.9, gt=0, le=1)
    """The fewest groups whose silhouette is at least this share of the best are taken."""
    cluster_frames: int = Field(8, ge=2)
    """A cluster is born from so many frames at least, and pruned when fewer than half of that stand behind it."""
    merge_distance: float = Field(3.0, ge=0)
    """Clusters whose means are nearer are one, in standard deviations; 0 never merges."""
    regroup_gain: float = Field(1.02, ge=1)
    """In a quiet world, group the recent frames afresh if the modularity is so many times better."""
    regroup_frames: int = Field(1024, ge=0)
    """Clusters that so many frames stand behind are not grouped afresh; 0 never does it, beyond 2,000 it never ends."""

    # When to learn
    warm_up_frames: int = Field(90, ge=16)
    """The first update learns from so many frames."""
    update_frames: int = Field(90, ge=16)
    """After a drift signal the update waits for so many newer frames …"""
    update_seconds: float = Field(10.0, gt=0)
    """… or for so long."""
    interval_frames: int = Field(128, ge=32)
    """Without a change an update comes after so many frames, then after twice as many, up to half a window."""
    novel_rate: float = Field(0.25, gt=0, le=1)
    """Share of uncertain frames from which an update bears clusters though no change was signalled."""
    drift_detector: Literal["page_hinkley", "adwin", "kswin", "never", "always"] = "page_hinkley"
    """What watches for a change of the world; the last two bound what a detector can reach."""
    drift_threshold: float = Field(20.0, gt=0)
    """PageHinkley's λ, in standard deviations of a cluster's dispersion, summed over frames."""
    drift_delta: float = Field(0.3, ge=0)
    """PageHinkley's δ: an excess per frame that is not yet a change, in standard deviations."""
    drift_min_frames: int = Field(15, ge=1)
    drift_adwin_delta: float = Field(0.002, gt=0, lt=1)
    """ADWIN's δ: the smaller, the fewer false alarms."""
    drift_kswin_alpha: float = Field(0.0001, gt=0, lt=1)
    """KSWIN's α: likewise."""
    excess_limit: float = Field(10.0, gt=0)
    """One frame counts at most so many standard deviations, so that one odd image is not a change."""
    follow: Literal["named", "always", "never"] = "named"
    """Whether clusters follow a world that changes slowly, between updates: where a labeller named some, or always …"""
    follow_frames: float = Field(20.0, gt=0)
    """… as if so many frames stood behind each mean: the fewer, the faster."""
    threshold_rate: float = Field(0.1, ge=0, le=1)
    """η of the threshold's recursion; the paper does not state it."""

    # Words
    members: int = Field(16, ge=0, le=16)
    """So many frames of each cluster are shown to the labeller before an update, beside the exemplars."""
    word_strength: float = Field(0.3, ge=0)
    """Weight of telling the labeller's words apart in the training, beside the reconstruction."""

    # Rehearsal
    recall: bool = True
    """Decode latents drawn from the mixture and learn from them again; False forgets."""
    generated_alone: bool = False
    """Rehearse only what replay workers painted, and nothing where they painted nothing; to compare with."""
    recall_ratio: float = Field(1.0, gt=0)
    """Recalled images for each image of the window."""
    recall_temperature: float = Field(1.0, gt=0)
    """Scale of the noise around a component's mean when it is recalled; below 1 keeps to what is typical."""
    stability: float = Field(0.1, ge=0)
    """How strongly rehearsed images are held to the latents that they had, beside the reconstruction error."""

    # Replay
    replay: bool = True
    """Ask replay workers for images of each cluster before an update; without workers it costs and changes nothing."""
    exemplars: int = Field(5, ge=0, le=5)
    """Real images kept of each cluster, to be painted again; 0 keeps none."""
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

    @field_validator("encoder_channels")
    @classmethod
    def _fit_the_norms_groups(cls, channels: tuple[int, int, int]) -> tuple[int, int, int]:
        if any(count < 1 or count % _GROUPS for count in channels):
            message = f"each number of channels must be a positive multiple of {_GROUPS}"
            raise ValueError(message)
        return channels

    @field_validator("projection_dimensions")
    @classmethod
    def _fit_window_and_latents(cls, dimensions: int, info: ValidationInfo) -> int:
        most = min(info.data.get("window_frames", 32), 16 * info.data.get("encoder_channels", (8, 8, 8))[2])
        if dimensions > most:
            message = f"at most {most} components exist for these window_frames and encoder_channels"
            raise ValueError(message)
        return dimensions

    @property
    def longest_interval_frames(self) -> int:
        """After how many frames an update comes at the latest: half a window, or the interval where that is longer."""
        return min(max(self.interval_frames, self.window_frames // 2), self.window_frames)

    def sha256(self) -> str:
        """Name what an execution depends on, whatever order it was written in.

        Settings that only plan or store are left out, and so are defaults: a later release's new setting changes no
        name. A default that changes there must change the plan's major version.
        """
        body = self.model_dump(mode="json", exclude_defaults=True, exclude=set(_NOT_EXECUTED))
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
