"""What crosses the replay topics: a cluster's typical exemplars out, synthetic images back.

Both carry images inside a JSON document, so each is bounded: a request holds at most `MOST_EXEMPLARS` images and
`MOST_MEMBERS` more, a batch of samples at most `MOST_BATCH_BYTES`; a worker answers with as many batches as it takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stream.messages.message import Message

MOST_EXEMPLARS = 5
MOST_MEMBERS = 16
MOST_BATCH_BYTES = 512 * 1024


@dataclass(frozen=True)
class ReplayRequest(Message):
    """Ask for images like those of one cluster, before an update of ``model`` that waits at ``task_seq``."""

    format: ClassVar[str] = "r2r.replay-request/1.1"

    id: str
    """``<model>/<task_seq>/replay-request/<n>``."""
    model: str
    task_seq: int
    cluster: int
    """The cluster's stable id."""
    name: str
    """What the cluster is called; empty where nobody has named it."""
    exemplars: Sequence[bytes]
    """Up to `MOST_EXEMPLARS` PNG files, the real images nearest to z_max, nearest first."""
    images: int
    """How many synthetic images are wanted."""
    seed: int
    """Of every draw of the generator."""
    expires_at_ms: int
    """Unix milliseconds; an answer after this is of no use."""
    members: Sequence[bytes] = ()
    """Up to `MOST_MEMBERS` PNG files, other frames of the cluster, each to be labelled by itself."""


@dataclass(frozen=True)
class ReplaySamples(Message):
    """One batch of the answer to a request."""

    format: ClassVar[str] = "r2r.replay-samples/1.2"

    id: str
    """``<request id>/samples/<part>``: the same batch again has the same id and is dropped."""
    model: str
    task_seq: int
    """Copied from the request, as ``cluster``."""
    request: str
    """The request's id."""
    cluster: int
    part: int
    """Batches of one answer count from 0 to ``parts`` - 1."""
    parts: int
    name: str
    """What the labeller calls the cluster; empty without a labeller."""
    score: float
    """How sure it is, 0 to 1; 0 without a labeller."""
    generator: str
    """What made the images."""
    seeds: Sequence[int]
    """One for each image: the seed it was drawn from."""
    images: Sequence[bytes]
    """JPEG, PNG or WebP files."""
    gap: float = 0.0
    """How far the answer's images are from the exemplars, in deviations; 0 where that is not known."""
    member_names: Sequence[str] = ()
    """What the labeller calls each of the request's members, empty where it is not sure; in part 0 alone."""
    member_scores: Sequence[float] = ()
    """How sure it is of each; nothing without a labeller."""
