"""What the paper states, and what it leaves open: the settings of stages A, B and D."""

from typing import Literal

from pydantic import Field

from stream.process.settings import Settings

Covariance = Literal["full", "tied", "diag", "spherical"]


class PaperSettings(Settings):
    """Read where the published method learns; docs/paper_method.md has what was measured for each choice."""

    # Published
    paper_channels: tuple[int, int, int] = (128, 64, 32)
    """Stage A: output channels of the three convolutions. Multiples of 8."""

    # Left open
    paper_births: int = Field(2, ge=1)
    """Stage A: components added at each update; the authors' code has the number of classes of a task."""
    paper_epochs: int = Field(8, ge=1)
    """Stages A and D: passes over the images of one update."""
    paper_covariance: Covariance = "tied"
    """Stage A: shape of a component's covariance."""
    paper_covariance_floor: float = Field(0.1, gt=0)
    """Stage A: added to the covariances' diagonals, as a share of the latents' mean variance."""
    paper_mixture_start: Literal["kmeans", "carried"] = "carried"
    """Stage A: the mixture's first means: k-means of everything, or where the earlier clusters' synthetic images are
    and, for the new components, k-means of the window's half that is farthest from those."""
    paper_decoder_carried: bool = True
    """Stage D carries the encoder's weights over; whether the decoder's too."""
    paper_density_dimensions: int = Field(10, ge=1)
    """Stage B: principal components for the density where a cluster has fewer samples than dimensions."""
    paper_density_samples: int = Field(512, ge=3)
    """Stage B: at most so many samples of a cluster enter its density, whose cost is quadratic in them."""
    paper_uncertain_rate: float = Field(0.2, gt=0, le=1)
    """An update follows when more than this share of a micro-task is uncertain; μ + σ alone flags about 0.16."""
