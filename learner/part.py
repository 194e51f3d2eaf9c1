"""A part of the learner's state: a value that saves and loads itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeVar

from torch import Tensor

from learner.settings import LearnerSettings

V = TypeVar("V")


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds of one part: values that JSON holds, and tensors by name."""

    values: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def below(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with ``prefix.``, without it."""
        start = f"{prefix}."
        return {name.removeprefix(start): one for name, one in self.tensors.items() if name.startswith(start)}


class Part(Protocol):
    """One part of the state. It is never changed in place.

    Crash: ``load`` of what `save` returned gives a part that behaves the same, bit for bit. Neither blocks.
    """

    def save(self) -> Saved:
        """Return everything that the part holds."""
        ...

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:
        """Return the part that `save` described, under the settings of now; what a later minor added is ignored."""
        ...


def by_text(values: Mapping[int, V]) -> dict[str, V]:
    """Return a mapping as JSON holds it, in the order of its numbers."""
    return {str(number): value for number, value in sorted(values.items())}


def by_number(values: Mapping[str, V]) -> dict[int, V]:
    """Return what `by_text` was given."""
    return {int(number): value for number, value in values.items()}


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors with their names behind ``prefix.``, each owning its memory."""
    for name, value in tensors.items():
        yield f"{prefix}.{name}", value.detach().contiguous().clone()
