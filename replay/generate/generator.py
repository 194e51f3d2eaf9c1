"""Generators: the contract of what makes images of a cluster, be it augmentation or diffusion."""

from collections.abc import Sequence
from typing import Protocol

from replay.subject import Subject
from stream.image_codec import Pixels


class Generator(Protocol):
    """Makes images of a subject.

    Blocking: `generate` may take seconds, and is asked for few images at a time, so that a request can expire or a
    worker be stopped between two calls; nothing else blocks. Determinism: an image depends on the subject, its own
    seed and the generator's settings alone, not on the other seeds of the call nor on calls before. Errors: what
    `generate` raises puts the request aside, and the next one comes. Crash: nothing survives in the object, and
    nothing needs to. One thread at a time may use a generator.
    """

    @property
    def name(self) -> str:
        """Written beside its images."""

    def generate(self, subject: Subject, seeds: Sequence[int]) -> Sequence[Pixels | None]:
        """Return one image for each seed, in their order: uint8 [height, width, 3].

        None stands for one that the model's own safety checker refused.
        """

    def close(self) -> None:
        """Let go of what it holds; may be called again."""
