"""What crosses the replay topics: a cluster's typical exemplars out, synthetic images back.

Both carry images inside a JSON document, so each is bounded: a request holds at most `MOST_EXEMPLARS` images, a batch
of samples at most `MOST_BATCH_BYTES`, and a worker answers with as many batches as it takes.
"""

import base64
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass
from typing import Any, Self

from stream import wire_format
from stream.errors import InvalidMessage

MOST_EXEMPLARS = 5
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

    def to_bytes(self) -> bytes:
        """Write the request as ``r2r.replay-request/1.0``."""
        return wire_format.to_bytes("replay-request", "1.0", asdict(self) | {"exemplars": _text(self.exemplars)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a request; see `wire_format.from_bytes` for the errors."""
        body = wire_format.from_bytes("replay-request", "1.0", data)
        return cls(**_known(cls, body, "exemplars"))


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

    def to_bytes(self) -> bytes:
        """Write the batch as ``r2r.replay-samples/1.1``."""
        return wire_format.to_bytes("replay-samples", "1.1", asdict(self) | {"images": _text(self.images)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a batch; see `wire_format.from_bytes` for the errors."""
        body = wire_format.from_bytes("replay-samples", "1.1", data)
        return cls(**_known(cls, body, "images"))


def _text(images: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(image).decode() for image in images]


def _known(message_type: type[Any], body: wire_format.Document, images: str) -> dict[str, Any]:
    """Return the keys that this release knows; a later minor version's are ignored, a missing one is an error."""
    try:
        fields = message_type.__dataclass_fields__
        known = {name: body[name] for name in fields if name in body or fields[name].default is MISSING}
        return known | {images: [base64.b64decode(text, validate=True) for text in known[images]]}
    except (KeyError, TypeError, ValueError) as error:
        message = f"the {message_type.__name__} document is incomplete ({error!r}); resend it with all keys"
        raise InvalidMessage(message, reason="incomplete") from error
