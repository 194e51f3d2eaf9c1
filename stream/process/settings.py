"""Settings: one frozen class for each room, read once at the entry point.

Precedence, lowest first: the class's defaults, what `r2r up` in the same home runs with (the address of Kafka and the
prefix of its topics alone), the TOML file's section, the environment (``R2R_STREAM__BUFFER_BYTES``),
``--set stream.buffer_bytes=1024``. An unknown key is an error wherever it stands.

A field whose type is a `Settings` class is a table of its own: ``paper: PaperSettings = PaperSettings()`` in the class
of ``learner`` is ``[learner.paper]``, ``R2R_LEARNER__PAPER__BIRTHS`` and ``--set learner.paper.births=2``.
"""

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails

from stream.process.errors import InvalidSetting
from stream.process.ports import LARGEST_PORT

SECTIONS = ("stream", "learner", "replay", "deploy")
_PREFIX = "R2R_"
_ALL_SETTINGS = "`r2r init` writes a file of all settings, with what they mean"
_OTHER_VARIABLES = ("R2R_HOME", "R2R_TEST_FAULTS")


class Settings(BaseModel):
    """What the settings of every room have in common: frozen, no unknown key, and docstrings below the fields.

    What came is hidden in pydantic's errors: a secret under a wrong key would stand in the log's trace.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class StreamSettings(Settings):
    """How frames and messages travel. Sizes are bytes, times are seconds."""

    bootstrap_servers: str = "127.0.0.1:19092"
    """Kafka's address; the embedded broker listens there if no other Kafka does."""
    topic_prefix: str = "r2r"
    frame_partitions: int = Field(3, ge=1)
    frames_retention_bytes: int = Field(4 * 1024**3, ge=1024**2)
    """Kept of `frames` by the embedded topics, for each partition."""
    max_image_bytes: int = Field(1_000_000, ge=1)
    max_image_pixels: int = Field(16_000_000, ge=1)
    """Refused above, from the header alone, before pixels are decoded."""
    in_flight_bytes: int = Field(32 * 1024**2, ge=1)
    """The producer waits when so much is sent and not yet acknowledged."""
    buffer_bytes: int = Field(64 * 1024**2, ge=1)
    """The consumer pauses its partitions when so much is waiting to be planned."""
    delivery_timeout_seconds: float = Field(30.0, gt=0)
    broker_timeout_seconds: float = Field(20.0, gt=0)
    """How long a role waits for Kafka before it gives up with a sentence."""

    @field_validator("bootstrap_servers")
    @classmethod
    def _has_ports(cls, value: str) -> str:
        for address in value.split(","):
            host, _, port = address.strip().rpartition(":")
            if not (host and port.isdecimal() and 0 < int(port) <= LARGEST_PORT):
                message = "expected host:port, or several with commas between them"
                raise ValueError(message)
        return value


S = TypeVar("S", bound=Settings)


def load_settings(
    section: str,
    settings_type: type[S],
    file: Path | None,
    environment: Mapping[str, str],
    overrides: Sequence[str],
    running: Mapping[str, Mapping[str, str]] | None = None,
) -> S:
    """Build the settings of one section from all their places.

    Parameters
    ----------
    section
        One of `SECTIONS`.
    file
        A TOML file with a table for each section; None for none.
    environment
        Usually ``os.environ``; only names that begin with ``R2R_`` are read.
    overrides
        ``section.key=value`` or ``section.table.key=value`` from the command line.
    running
        Of the system that runs in the same home, by section; see `stream.process.home.running_settings`.

    Raises
    ------
    InvalidSetting
        A key is unknown (a known one that is near is named, or where all stand), a value is not allowed, or the file
        cannot be read.

    Examples
    --------
    >>> load_settings("stream", StreamSettings, None, {"R2R_STREAM__FRAME_PARTITIONS": "5"}, []).frame_partitions
    5
    """
    places = (running or {}, _from_file(file), _from_environment(environment), _from_overrides(overrides))
    nothing: dict[str, Any] = {}
    values = reduce(_merged, places, nothing)
    for name in values:
        if name not in SECTIONS:
            raise _unknown(name, SECTIONS, "section", f"there are {', '.join(SECTIONS)}")
    try:
        return settings_type.model_validate(values.get(section, {}))
    except ValidationError as error:
        errors = error.errors()
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
        raise _refused(section, settings_type, first) from error


def table_type(settings_type: type[Settings], name: str) -> type[Settings] | None:
    """Return the class of the table that the field ``name`` is; None where it is a setting, or unknown."""
    field = settings_type.model_fields.get(name)
    kind = None if field is None else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None


def _refused(section: str, settings_type: type[Settings], error: ErrorDetails) -> InvalidSetting:
    """Say in one sentence what ``pydantic`` found wrong; what came is shown where it cannot be a secret."""
    *tables, key = (str(part) for part in error["loc"])
    path = [section]
    while tables and (kind := table_type(settings_type, tables[0])) is not None:
        settings_type = kind
        path.append(tables.pop(0))
    table, key = ".".join(path), ".".join([*tables, key])
    if error["type"] == "extra_forbidden":
        return _unknown_setting(key, settings_type, table)
    if table_type(settings_type, key) is not None:
        if error["type"] == "value_error":  # a validator's word on several keys at once, which it names
            return InvalidSetting(f"[{table}.{key}] is not allowed: {error['msg']}; change it or leave it out")
        return InvalidSetting(f"{table}.{key} is not a setting: [{table}.{key}] is a table; name a key of it")
    if isinstance(error["input"], Mapping):
        message = f"{table}.{key} is a setting, but a table came: [{table}.{key}]; write {table}.{key} = VALUE"
        return InvalidSetting(message)
    field = settings_type.model_fields.get(key)
    is_secret = field is not None and field.annotation is SecretStr
    shown = "what came" if is_secret else repr(error["input"])
    message = f"{table}.{key} = {shown} is not allowed: {error['msg']}; change it or leave it out"
    return InvalidSetting(message)


def _unknown_setting(key: str, settings_type: type[Settings], table: str) -> InvalidSetting:
    """Name the setting that may be meant: the same key of a table below, or one whose name is near."""
    below = [name for name in _settings_below(settings_type) if name.endswith(f".{key}")]
    if below:
        meant = " or ".join(repr(name) for name in below)
        return InvalidSetting(f"{key!r} is not a setting of [{table}]; did you mean {meant}?")
    return _unknown(key, settings_type.model_fields, f"setting of [{table}]", _ALL_SETTINGS)


def _settings_below(settings_type: type[Settings]) -> Iterator[str]:
    """Yield the names of all settings, those of tables with their tables' names before them."""
    for name in settings_type.model_fields:
        kind = table_type(settings_type, name)
        yield from [name] if kind is None else (f"{name}.{inner}" for inner in _settings_below(kind))


def _unknown(name: str, known: Iterable[str], what: str, remedy: str) -> InvalidSetting:
    nearest = difflib.get_close_matches(name, known, n=1)
    message = f"{name!r} is not a {what}; " + (f"did you mean {nearest[0]!r}?" if nearest else remedy)
    return InvalidSetting(message)


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, ``above`` where they differ; tables are merged key by key."""
    both = dict(below)
    for name, value in above.items():
        old = both.get(name)
        both[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return both


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        message = f"the settings file {file} cannot be read ({error}); name a TOML file with --settings"
        raise InvalidSetting(message) from error
    for name, value in found.items():
        if not isinstance(value, dict):
            message = f"{name!r} stands outside of a section in {file}; write it below [stream], [learner] or another"
            raise InvalidSetting(message)
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    names = [name for name in environment if name.startswith(_PREFIX) and name not in _OTHER_VARIABLES]
    pairs = [f"{name.removeprefix(_PREFIX).lower().replace('__', '.')}={environment[name]}" for name in names]
    return _from_overrides(pairs)


def _from_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in overrides:
        path, equals, value = text.partition("=")
        if not (equals and "." in path):
            came = f"{path!r} with a value" if equals else repr(text)
            message = f"a setting is written section.key=value, but {came} came; try stream.frame_partitions=5"
            raise InvalidSetting(message)
        tree: Any = value
        for name in reversed(path.split(".")):
            tree = {name: tree}
        found = _merged(found, tree)
    return found
