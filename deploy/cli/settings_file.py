"""``r2r init``: a settings file with every setting, its default and what it means, all commented out."""

import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from deploy.cli.all_settings import settings_classes
from deploy.cli.errors import FileThere
from deploy.cli.tool import Tool, run_tool, tool_parser
from deploy.status.disk_usage import readable_bytes
from stream.process.settings import Settings, table_type

_WIDTH = 116
_HEAD = """\
# Settings of R2R, written by `r2r init`. Each setting stands with its default: take the # away to change it.
# Lowest first: these defaults, this file (--settings), the environment (R2R_LEARNER__AUTOENCODER__EPOCHS=4), and
# --set learner.autoencoder.epochs=4.
# Names tell units: _bytes, _seconds, _frames.
"""
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": "a multiple of"}
_BYTES_WORTH_A_UNIT = 1024
_HEADING = re.compile(r"^    # (.+)\n    (\w+):", re.MULTILINE)


def settings_text(classes: Mapping[str, type[Settings]]) -> str:
    """Return the file's text.

    Parameters
    ----------
    classes
        The class of each section.
    """
    tables = (text for section, kind in classes.items() for text in _tables(section, kind))
    return "\n".join([_HEAD, *(f"{text}\n" for text in tables)])


def _tables(name: str, kind: type[Settings]) -> Iterator[str]:
    """Yield a section's own settings, then each table inside it, as TOML wants it."""
    yield "\n".join([f"[{name}]", *_table(kind)])
    for field in kind.model_fields:
        if (inner := table_type(kind, field)) is not None:
            yield from _tables(f"{name}.{field}", inner)


def _table(kind: type[Settings]) -> Iterator[str]:
    """Yield a table's lines: each setting below what it means."""
    yield f"# {(kind.__doc__ or '').strip().splitlines()[0].replace('``', '`')}"
    headings = _headings(kind)
    for name, field in kind.model_fields.items():
        if table_type(kind, name) is not None:
            continue
        yield ""
        if name in headings:
            yield f"## {headings[name]}"
            yield ""
        text = (field.description or "").replace("``", "`")
        words = " ".join(f"{text} {_allowed(field)} {_with_unit(name, field)}".split())
        lines = textwrap.wrap(words, _WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from (f"# {line}" for line in lines)
        yield f"# {name} = {toml_value(field.default)}"


def _headings(kind: type[Settings]) -> dict[str, str]:
    """Return the comments of the source that begin groups of settings, by the first setting of each."""
    sources = (inspect.getsource(one) for one in kind.__mro__ if issubclass(one, Settings) and one is not Settings)
    return {name: heading for source in sources for heading, name in _HEADING.findall(source)}


def _allowed(field: FieldInfo) -> str:
    """Say which values are allowed, where the class says so."""
    choices = get_args(field.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return f"One of {', '.join(json.dumps(choice) for choice in choices)}."
    bounds = [
        f"{words} {getattr(bound, name)}"
        for bound in field.metadata
        for name, words in _BOUNDS.items()
        if getattr(bound, name, None) is not None
    ]
    return f"Allowed: {', '.join(bounds)}." if bounds else ""


def _with_unit(name: str, field: FieldInfo) -> str:
    if name.endswith("_bytes") and field.default >= _BYTES_WORTH_A_UNIT:
        return f"The default is {readable_bytes(field.default)}."
    return ""


def toml_value(value: Any) -> str:
    """Write a default as TOML reads it.

    Examples
    --------
    >>> toml_value("a"), toml_value(True), toml_value((64, 32)), toml_value(0.0001)
    ('"a"', 'true', '[64, 32]', '0.0001')
    """
    if isinstance(value, SecretStr):
        return json.dumps("")
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def write_settings_file(tool: Tool) -> int:
    """Write the file; one that is there stays as it is.

    Raises
    ------
    FileThere
        There is such a file.
    """
    file: Path = tool.flags.file
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(settings_text(settings_classes()))
    except OSError as error:
        raise FileThere(str(file), error) from error
    facts = {"file": str(file)}
    tool.render(facts, lambda: sys.stdout.write(f"{file} is written; use it with --settings {file}\n"))
    return 0


def main(argv: Sequence[str]) -> int:
    """Run the tool; return its exit code."""
    flags = tool_parser("init", "Write a settings file with every setting, its default and what it means.")
    flags.add_argument("file", nargs="?", type=Path, default=Path("r2r.toml"), help="where (default: r2r.toml)")
    return run_tool("init", flags, write_settings_file, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
