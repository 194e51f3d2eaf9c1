"""What crosses the replay topics: a cluster's typical exemplars out, synthetic images back.

Both carry images inside a JSON document, so each is bounded: a request holds at most `MOST_EXEMPLARS` images and
`MOST_MEMBERS` more, a batch of samples at most `MOST_BATCH_BYTES`; a worker answers with as many batches as it takes.
"""

import base64
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass
from typing import Any, Self

from stream.messages import wire_format
from stream.process.errors import InvalidMessage

MOST_EXEMPLARS = 5
MOST_MEMBERS = 16
MOST_BATCH_BYTES = 512 * 1024


@dataclass(frozen=True)
class ReplayRequest:
    """Ask for images like those of one cluster, before an update of ``model`` that waits at ``task_seq``.

    Parameters
    ----------
    id
        ``<model>/<task_seq>/replay-request/<n>``.
    cluster
        The cluster's stable id.
    name
        What the cluster is called; empty where nobody has named it.
    exemplars
        Up to `MOST_EXEMPLARS` PNG files, the real images nearest to z_max, nearest first.
    images
        How many synthetic images are wanted.
    seed
        Of every draw of the generator.
    expires_at_ms
        Unix milliseconds; an answer after this is of no use.
    members
        Up to `MOST_MEMBERS` PNG files, other frames that fell into the cluster: each is to be labelled by itself, where
        there is a labeller, and none is painted from.
    """

    id: str
    model: str
    task_seq: int
    cluster: int
    name: str
    exemplars: Sequence[bytes]
    images: int
    seed: int
    expires_at_ms: int
    members: Sequence[bytes] = ()

    def to_bytes(self) -> bytes:
        """Write the request as ``r2r.replay-request/1.1``."""
        files = {"exemplars": _text(self.exemplars), "members": _text(self.members)}
        return wire_format.to_bytes("replay-request", "1.1", asdict(self) | files)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a request; see `wire_format.from_bytes` for the errors."""
        body = wire_format.from_bytes("replay-request", "1.1", data)
        return cls(**_known(cls, body, ("exemplars", "members")))


@dataclass(frozen=True)
class ReplaySamples:
    """One batch of the answer to a request.

    Parameters
    ----------
    id
        ``<request id>/samples/<part>``: the same batch again has the same id and is dropped.
    request
        The request's id; ``cluster`` and ``task_seq`` are copied from it.
    part, parts
        Batches of one answer count from 0 to ``parts`` - 1.
    name, score
        What the labeller calls the cluster and how sure it is (0 to 1); empty and 0 without a labeller.
    generator
        What made the images.
    seeds
        One for each image: the seed it was drawn from.
    images
        JPEG, PNG or WebP files.
    gap
        How far the answer's images are from the exemplars, in deviations; 0 where that is not known.
    member_names, member_scores
        What the labeller calls each of the request's members, and how sure it is; the empty name where it is not. In
        part 0 alone, and nothing without a labeller.
    """

    id: str
    model: str
    task_seq: int
    request: str
    cluster: int
    part: int
    parts: int
    name: str
    score: float
    generator: str
    seeds: Sequence[int]
    images: Sequence[bytes]
    gap: float = 0.0
    member_names: Sequence[str] = ()
    member_scores: Sequence[float] = ()

    def to_bytes(self) -> bytes:
        """Write the batch as ``r2r.replay-samples/1.2``."""
        return wire_format.to_bytes("replay-samples", "1.2", asdict(self) | {"images": _text(self.images)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a batch; see `wire_format.from_bytes` for the errors."""
        body = wire_format.from_bytes("replay-samples", "1.2", data)
        return cls(**_known(cls, body, ("images",)))


def _text(images: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(image).decode() for image in images]


def _known(message_type: type[Any], body: wire_format.Document, images: Sequence[str]) -> dict[str, Any]:
    """Return the keys that this release knows; a later minor version's are ignored, a missing one is an error."""
    try:
        fields = message_type.__dataclass_fields__
        known = {name: body[name] for name in fields if name in body or fields[name].default is MISSING}
        present = [key for key in images if key in known]
        return known | {key: [base64.b64decode(text, validate=True) for text in known[key]] for key in present}
    except (KeyError, TypeError, ValueError) as error:
        message = f"the {message_type.__name__} document is incomplete ({error!r}); resend it with all keys"
        raise InvalidMessage(message, reason="incomplete") from error
