"""The replay workers' settings."""

from typing import Literal

from pydantic import Field

from stream.settings import Settings


class ReplaySettings(Settings):
    """What a worker accepts and how it paints. Times are seconds."""

    generator: Literal["resynthesis"] = "resynthesis"
    """``resynthesis`` warps and blends the exemplars; it needs no pretrained model."""
    strength: float = Field(1.0, ge=0, le=3)
    """How far ``resynthesis`` goes from the exemplars: 0 copies them, 0.5 to 1.5 are alike on digits, 2 harms."""
    batch_images: int = Field(32, ge=1)
    """Asked of the generator at a time; between two batches a request can expire and a worker be stopped."""

    # A request beyond these goes to its dead letters
    most_images: int = Field(512, ge=1)
    most_exemplar_pixels: int = Field(512 * 512, ge=1)
    most_answer_bytes: int = Field(32 * 1024**2, ge=1)
    request_seconds: float = Field(60.0, gt=0)
    """So long a request may be generated; other workers that come or go wait for it."""

    session_seconds: float = Field(6.0, ge=6)
    """A worker that gives no sign of life for so long loses its partitions; brokers refuse less than 6 by default."""
