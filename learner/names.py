"""What becomes of the names that persons gave to clusters when an update merges and prunes clusters."""

from collections.abc import Iterable, Mapping, Sequence


def names_after(names: Mapping[int, str], merged: Sequence[tuple[int, int]], live: Iterable[int]) -> dict[int, str]:
    """Return the names after an update, by cluster id.

    Of two merged clusters the one that stays keeps its own name, or takes over the other's where it has none. A cluster
    that is no more has no name.

    Parameters
    ----------
    merged
        Ids ``(kept, gone)`` of each merge, in order.
    live
        Ids after the update.

    Examples
    --------
    >>> names_after({3: "cat", 5: "dog", 7: "cow"}, merged=[(2, 3), (5, 7)], live=[2, 5])
    {2: 'cat', 5: 'dog'}
    """
    carried = dict(names)
    for kept, gone in merged:
        name = carried.pop(gone, None)
        if name is not None:
            carried.setdefault(kept, name)
    alive = set(live)
    return {cluster: name for cluster, name in sorted(carried.items()) if cluster in alive}
