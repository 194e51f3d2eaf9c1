"""The newest ids that came, so that what is sent twice has one effect."""

from collections.abc import Iterable

_MOST = 256
_LONGEST = 200


class SeenIds:
    """At most 256 ids of at most 200 characters, oldest first.

    Examples
    --------
    >>> seen = SeenIds()
    >>> seen.admit("a"), seen.admit("a")
    (True, False)
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids = dict.fromkeys(ids)

    def admit(self, id: str) -> bool:  # noqa: A002  the messages' name
        """Note the id and say whether it is new; what is longer than 200 characters is known by its first 200."""
        short = id[:_LONGEST]
        new = short not in self._ids
        self._ids[short] = None
        if len(self._ids) > _MOST:
            del self._ids[next(iter(self._ids))]
        return new

    def to_state(self) -> list[str]:
        """Return the ids, oldest first."""
        return list(self._ids)
