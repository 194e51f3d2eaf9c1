"""The newest ids that came, so that what is sent twice has one effect."""

from dataclasses import dataclass
from typing import Self

from learner.part import Saved
from learner.settings import LearnerSettings

_MOST = 256
_LONGEST = 200


@dataclass(frozen=True)
class SeenIds:
    """At most 256 ids, oldest first; an id longer than 200 characters is known by its first 200.

    Examples
    --------
    >>> seen = SeenIds().noted("a")
    >>> "a" in seen, "b" in seen
    (True, False)
    """

    ids: tuple[str, ...] = ()

    def __contains__(self, id: str) -> bool:  # noqa: A002  the messages' name
        return id[:_LONGEST] in self.ids

    def noted(self, id: str) -> Self:  # noqa: A002
        """Return the ids with this one in them."""
        return self if id in self else type(self)((*self.ids, id[:_LONGEST])[-_MOST:])

    def save(self) -> Saved:
        """See `Part.save`."""
        return Saved({"ids": list(self.ids)})

    @classmethod
    def load(cls, saved: Saved, settings: LearnerSettings) -> Self:  # noqa: ARG003  the contract's
        """See `Part.load`."""
        return cls(tuple(saved.values["ids"]))
