"""The durable state of a model's promotion: what people asked for, and how far it has been carried out.

::

    <root>/steering/<model>.json      r2r.steering/1.0
"""

from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from deploy.registry.errors import RegistryError
from deploy.registry.version_storage import VersionStorage
from stream.messages import wire_format
from stream.messages.event import Event
from stream.messages.message import Message
from stream.process.errors import InvalidMessage


@dataclass(frozen=True)
class RollForward:
    """The content of version ``source`` is to be served under the new number ``number``."""

    source: int
    number: int


@dataclass(frozen=True)
class PromotionState(Message):
    """Each command that is applied replaces it as a whole. That one write is its effect; all else follows from it."""

    format: ClassVar[str] = "r2r.steering/1.0"

    model: str
    pinned: int | None = None
    """The version that answers until it is unpinned; None while promotion goes on."""
    settled_task: int = 0
    """No checkpoint up to this task is published any more: it was, or was passed over."""
    commands_topic: str = ""
    """The id of the topic of commands."""
    commands_offset: int = 0
    """Its first offset that is not applied yet."""
    applied: Annotated[tuple[str, ...], Field(alias="obeyed")] = ()
    """Ids of the newest commands, so that a resent one has no second effect."""
    roll_forward: RollForward | None = None
    """What the newest command asks of the registry; done once a version of that number was there."""
    outcome: Event | None = None
    """The result of the newest command, announced again after each start."""

    def to_bytes(self) -> bytes:
        """See `Message.to_bytes`."""
        body = asdict(self)
        body["obeyed"] = body.pop("applied")
        return wire_format.to_bytes(*self._format(), body)


class PromotionStateFile:
    """Where a model's promotion state is kept: a folder, or any address that fsspec opens."""

    def __init__(self, root: str, model: str) -> None:
        self._storage = VersionStorage(root)
        self._model = model
        self._path = f"steering/{model}.json"

    def load(self) -> PromotionState:
        """Return what was saved last; nothing is pinned before that.

        Raises
        ------
        RegistryError
            The file cannot be read as what it is.
        """
        try:
            return PromotionState.from_bytes(self._storage.read(self._path))
        except FileNotFoundError:
            return PromotionState(self._model)
        except InvalidMessage as error:
            message = f"{self._storage.uri(self._path)} is damaged ({error}); delete it, which unpins the model"
            raise RegistryError(message) from error

    def save(self, state: PromotionState) -> None:
        """Replace the file, atomically and durably."""
        self._storage.write(self._path, state.to_bytes())
