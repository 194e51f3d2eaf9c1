"""The autoencoder's settings."""

from pydantic import Field, field_validator

from learner.model.preprocessing import Aspect, Preprocessing
from stream.process.settings import Settings

CHANNEL_GROUPS = 8  # of the network's group norm
GRID = 4  # the last convolution's output is cut to so many cells along each side


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
        return fit_the_norms_groups(channels)

    @property
    def latent_width(self) -> int:
        """L."""
        return GRID * GRID * self.channels[2]

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are prepared."""
        return Preprocessing(self.input_size, self.aspect)


def fit_the_norms_groups(channels: tuple[int, int, int]) -> tuple[int, int, int]:
    """Refuse numbers of channels that the group norm cannot divide."""
    if any(count < 1 or count % CHANNEL_GROUPS for count in channels):
        message = f"each number of channels must be a positive multiple of {CHANNEL_GROUPS}"
        raise ValueError(message)
    return channels
