"""What crosses the control topics: frozen, versioned, to and from bytes here and nowhere else.

Ids are derived, never drawn: everything a task emits is ``<model>/<task_seq>/<kind>/<n>``, so that emitting it again
after a restart is harmless.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self, TypeVar

from stream.messages import wire_format
from stream.process.errors import InvalidMessage

M = TypeVar("M")
Evidence = Mapping[str, float | int | str | list[int] | list[float] | list[str]]


class OffsetRange(NamedTuple):
    """The records of one partition from ``start`` (included) to ``stop`` (excluded)."""

    start: int
    stop: int


Ranges = Mapping[int, OffsetRange]


def derived_id(model: str, task_seq: int, kind: str, number: int) -> str:
    """Name the ``number``-th thing of ``kind`` that a task emits.

    Examples
    --------
    >>> derived_id("digits", 7, "event", 0)
    'digits/7/event/0'
    """
    return f"{model}/{task_seq}/{kind}/{number}"


def id_within(model: str, id: object) -> str:  # noqa: A002  the messages' name
    """Return a derived id without the name of the model that it begins with; empty where it begins otherwise.

    Examples
    --------
    >>> id_within("digits", "digits/7/event/0")
    '7/event/0'
    """
    own = f"{model}/"
    return id.removeprefix(own) if isinstance(id, str) and id.startswith(own) else ""


def _ranges(value: Mapping[str, list[int]]) -> dict[int, OffsetRange]:
    return {int(partition): OffsetRange(int(start), int(stop)) for partition, (start, stop) in sorted(value.items())}


@dataclass(frozen=True)
class TaskPlan:
    """One micro-task, written before its execution has an effect (decisions 0001, 0010).

    Parameters
    ----------
    model, task_seq
        Which learner, and the plan's number: 1, 2, 3 … without gaps.
    epoch
        Counts the learners of this model that wrote a plan; it names the writer and never enters the execution.
    frames, samples
        Offsets by partition of the frames, and of the generated samples that are taken with them.
    commands
        Offsets of the commands that take effect before the frames.
    seed
        Of every random draw in this task.
    settings_sha
        sha256 of the learner's settings, so that a plan is not executed under others.
    cut_at_ms
        The planner's clock, Unix milliseconds: the only time that an execution may look at.
    keep_one_in
        Under overload only the first of so many records of each partition is learned from; 1 keeps all.
    """

    model: str
    epoch: int
    task_seq: int
    frames: Mapping[int, OffsetRange]
    samples: Mapping[int, OffsetRange]
    commands: OffsetRange
    seed: int
    settings_sha: str
    cut_at_ms: int
    keep_one_in: int = 1

    def to_bytes(self) -> bytes:
        """Write the plan as ``r2r.task-plan/1.1``."""
        return wire_format.to_bytes("task-plan", "1.1", asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a plan; see `wire_format.from_bytes` for the errors."""
        body = wire_format.from_bytes("task-plan", "1.1", data)
        return _build(cls, body, frames=_ranges, samples=_ranges, commands=lambda pair: OffsetRange(*pair))


@dataclass(frozen=True)
class CheckpointReady:
    """A checkpoint is complete at ``uri``; ``sha256`` is its manifest's, ``publish`` asks for a version of it."""

    id: str
    model: str
    task_seq: int
    uri: str
    sha256: str
    publish: bool

    def to_bytes(self) -> bytes:
        """Write the announcement as ``r2r.checkpoint-ready/1.0``."""
        return wire_format.to_bytes("checkpoint-ready", "1.0", asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read an announcement; see `wire_format.from_bytes` for the errors."""
        return _build(cls, wire_format.from_bytes("checkpoint-ready", "1.0", data))


@dataclass(frozen=True)
class Event:
    """A decision and its evidence: drift, birth, update, promotion, refusal, evaluation."""

    id: str
    model: str
    task_seq: int
    kind: str
    at_ms: int
    evidence: Evidence = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Write the event as ``r2r.event/1.0``."""
        return wire_format.to_bytes("event", "1.0", {**asdict(self), "evidence": dict(self.evidence)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read an event; see `wire_format.from_bytes` for the errors."""
        return _build(cls, wire_format.from_bytes("event", "1.0", data))


@dataclass(frozen=True)
class ModelVersion:
    """A version is in the registry; the repository is the truth and this record a nudge."""

    model: str
    version: int
    uri: str
    sha256: str
    metrics: Mapping[str, float]

    def to_bytes(self) -> bytes:
        """Write the announcement as ``r2r.model-version/1.0``."""
        return wire_format.to_bytes("model-version", "1.0", {**asdict(self), "metrics": dict(self.metrics)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read an announcement; see `wire_format.from_bytes` for the errors."""
        return _build(cls, wire_format.from_bytes("model-version", "1.0", data))


@dataclass(frozen=True)
class Command:
    """What a person asks of a running model; its ``id`` makes a resend harmless.

    Kinds and their arguments: ``name`` (``cluster``, ``name``; an empty name takes it back) takes effect in the learner
    at the next plan; ``pin``, ``unpin`` and ``rollback`` (``version``) in the publisher.
    """

    id: str
    model: str
    kind: str
    arguments: Mapping[str, str | int]
    at_ms: int

    def to_bytes(self) -> bytes:
        """Write the command as ``r2r.command/1.0``."""
        return wire_format.to_bytes("command", "1.0", {**asdict(self), "arguments": dict(self.arguments)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a command; see `wire_format.from_bytes` for the errors."""
        return _build(cls, wire_format.from_bytes("command", "1.0", data))


@dataclass(frozen=True)
class Truth:
    """The true label of one frame; its key is the frame's identity. Only the evaluator reads it (decision 0003)."""

    label: int
    name: str

    def to_bytes(self) -> bytes:
        """Write the label as ``r2r.truth/1.0``."""
        return wire_format.to_bytes("truth", "1.0", asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a label; see `wire_format.from_bytes` for the errors."""
        return _build(cls, wire_format.from_bytes("truth", "1.0", data))


def _build(message_type: type[M], body: Mapping[str, Any], **convert: Callable[[Any], Any]) -> M:
    """Make a message of the keys it knows; a key of a later minor version is ignored, a missing one is an error."""
    known = {name: body[name] for name in message_type.__dataclass_fields__ if name in body}  # type: ignore[attr-defined]
    try:
        return message_type(**{name: convert.get(name, _as_is)(value) for name, value in known.items()})
    except (TypeError, ValueError, AttributeError) as error:
        message = f"the {message_type.__name__} document is incomplete ({error}); resend it with all keys"
        raise InvalidMessage(message, reason="incomplete") from error


def _as_is(value: Any) -> Any:
    return value
