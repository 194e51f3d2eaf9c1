"""What persons have asked of a model's publisher, and how far it has been carried out; durable beside the registry.

::

    <root>/steering/<model>.json      r2r.steering/1.0
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

from deploy.errors import RegistryError
from deploy.registry.version_storage import VersionStorage
from stream.messages import wire_format
from stream.messages.control import Event
from stream.process.errors import InvalidMessage


@dataclass(frozen=True)
class RollForward:
    """The content of version ``source`` is to be served under the new number ``number``."""

    source: int
    number: int


@dataclass(frozen=True)
class Steering:
    """Replaced as a whole by each command that is obeyed: with this write it has happened, all else follows from it.

    Parameters
    ----------
    pinned
        The version that answers until it is unpinned; None while promotion goes on.
    settled_task
        No checkpoint up to this task is published any more: it was, or was passed over.
    commands_topic, commands_offset
        The id of the topic of commands, and its first offset that is not obeyed yet.
    obeyed
        Ids of the newest commands, so that a resent one has no second effect.
    roll_forward
        What the newest command asks of the registry; done once a version of that number was there.
    outcome
        What became of the newest command, told again after each start.
    """

    model: str
    pinned: int | None = None
    settled_task: int = 0
    commands_topic: str = ""
    commands_offset: int = 0
    obeyed: tuple[str, ...] = ()
    roll_forward: RollForward | None = None
    outcome: Event | None = None

    def to_bytes(self) -> bytes:
        """Write it as ``r2r.steering/1.0``."""
        return wire_format.to_bytes("steering", "1.0", asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read it; see `stream.messages.wire_format.from_bytes` for the errors."""
        body = wire_format.from_bytes("steering", "1.0", data)
        try:
            return cls(**{name: _read(name, body[name]) for name in cls.__dataclass_fields__ if name in body})
        except (TypeError, ValueError) as error:
            message = f"the steering document is incomplete ({error}); delete it, which unpins the model"
            raise InvalidMessage(message, reason="incomplete") from error


class SteeringFile:
    """Where a model's steering is kept: a folder, or any address that fsspec opens."""

    def __init__(self, root: str, model: str) -> None:
        self._storage = VersionStorage(root)
        self._model = model
        self._path = f"steering/{model}.json"

    def load(self) -> Steering:
        """Return what was saved last; nothing is pinned before that.

        Raises
        ------
        RegistryError
            The file cannot be read as what it is.
        """
        try:
            return Steering.from_bytes(self._storage.read(self._path))
        except FileNotFoundError:
            return Steering(self._model)
        except InvalidMessage as error:
            message = f"{self._storage.uri(self._path)} is damaged ({error})"
            raise RegistryError(message) from error

    def save(self, steering: Steering) -> None:
        """Replace the file, atomically and durably."""
        self._storage.write(self._path, steering.to_bytes())


def _read(name: str, value: Any) -> Any:
    if name == "roll_forward" and value is not None:
        return RollForward(**value)
    if name == "outcome" and value is not None:
        return Event(**value)
    return tuple(value) if name == "obeyed" else value
