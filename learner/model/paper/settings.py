"""What the paper states, and what it leaves open: the settings of stages A, B and D."""

from typing import Literal

from pydantic import Field, field_validator

from learner.model.encoders.settings import fit_the_norms_groups
from learner.model.preprocessing import Aspect, Preprocessing
from stream.process.settings import Settings

Covariance = Literal["full", "tied", "diag", "spherical"]


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
        return fit_the_norms_groups(channels)

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are prepared."""
        return Preprocessing(self.input_size, self.aspect)
