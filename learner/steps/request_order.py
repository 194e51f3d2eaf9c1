"""In which order clusters are painted again, and how many images each gets: what is soonest forgotten comes first."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """What one cluster would have.

    Parameters
    ----------
    cluster
        Its id.
    images
        As many as an update would rehearse of it.
    unseen_frames
        Frames of the stream since one fell into it: what was not seen for long is forgotten first.
    name
        Clusters that bear one name are one class and share its budget; an unnamed one is a class of its own.
    """

    cluster: int
    images: int
    unseen_frames: int
    name: str = ""


@dataclass(frozen=True)
class Share:
    """Images that are to be asked for of one cluster."""

    cluster: int
    images: int


def replay_schedule(wanted: Iterable[Wanted], most_of_class: int, most_in_all: int) -> list[Share]:
    """Return what is asked for, in the order in which it is asked; a cluster that would get nothing is left out.

    One that was not seen for longer gets all that it wants before the next gets any; among equals the older cluster,
    which has the smaller id, comes first.

    Parameters
    ----------
    most_of_class, most_in_all
        Images.

    Examples
    --------
    >>> late, now = Wanted(1, images=50, unseen_frames=9000), Wanted(2, images=50, unseen_frames=0)
    >>> replay_schedule([now, late], most_of_class=40, most_in_all=60)
    [Share(cluster=1, images=40), Share(cluster=2, images=20)]
    """
    left, left_of_class = most_in_all, defaultdict[str | int, int](lambda: most_of_class)
    shares: list[Share] = []
    for one in sorted(wanted, key=lambda one: (-one.unseen_frames, one.cluster)):
        class_ = one.name or one.cluster
        images = min(one.images, left_of_class[class_], left)
        if images > 0:
            shares.append(Share(one.cluster, images))
            left -= images
            left_of_class[class_] -= images
    return shares
