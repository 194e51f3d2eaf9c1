"""A subject: what images are generated of, and judged by."""

from collections.abc import Sequence
from dataclasses import dataclass

from stream.image_codec import Pixels


@dataclass(frozen=True)
class Subject:
    """What images are to be generated of.

    Parameters
    ----------
    name
        The cluster's name; empty where it has none.
    exemplars
        1 to 5 real images of it, uint8 [height, width, 3], the most typical one first; sizes may differ.
    members
        Other real images of it, for the labeller alone.
    """

    name: str
    exemplars: Sequence[Pixels]
    members: Sequence[Pixels] = ()
