"""``r2r init``: a settings file with every setting, its default and what it means, all commented out."""

import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from deploy.cli.all_settings import settings_classes
from deploy.cli.errors import FileThere
from deploy.cli.tool import Tool, run_tool, tool_parser
from deploy.status.disk_usage import readable_bytes
from stream.process.settings import Settings

_WIDTH = 116
_HEAD = """\
# Settings of R2R, written by `r2r init`. Each setting stands with its default: take the # away to change it.
# Lowest first: these defaults, this file (--settings), the environment (R2R_LEARNER__EPOCHS=4), --set learner.epochs=4.
# Names tell units: _bytes, _seconds, _frames.
"""
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": "a multiple of"}
_BYTES_WORTH_A_UNIT = 1024


@dataclass(frozen=True)
class Documented:
    """A setting as its class has it.

    Parameters
    ----------
    heading
        The comment that begins a group of settings; empty inside of it.
    text
        The docstring below the setting, in one line; may be empty.
    """

    name: str
    heading: str
    text: str


def settings_text(classes: Mapping[str, type[Settings]]) -> str:
    """Return the file's text.

    Parameters
    ----------
    classes
        The class of each section.
    """
    sections = ["\n".join([f"[{section}]", *_section(kind)]) for section, kind in classes.items()]
    return "\n".join([_HEAD, *(f"{text}\n" for text in sections)])


def documented(settings_type: type[Settings]) -> list[Documented]:
    """Return the settings of a class in the order of its source, those of the class it extends first."""
    found: list[Documented] = []
    for kind in reversed(settings_type.__mro__):
        if issubclass(kind, Settings) and kind is not Settings:
            found += _of_source(inspect.getsource(kind))
    return found


def _of_source(source: str) -> Iterator[Documented]:
    (kind,) = ast.parse(source).body
    lines = source.splitlines()
    assert isinstance(kind, ast.ClassDef)  # noqa: S101  `inspect` gave the source of a class
    for node, following in zip(kind.body, [*kind.body[1:], None], strict=True):
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
            continue
        above = lines[node.lineno - 2].strip()
        heading = above.removeprefix("#").strip() if above.startswith("#") else ""
        yield Documented(node.target.id, heading, _docstring(following))


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split()).replace("``", "`")
    return ""


def _section(kind: type[Settings]) -> Iterator[str]:
    """Yield a section's lines: each setting below what it means."""
    yield f"# {(kind.__doc__ or '').strip().splitlines()[0].replace('``', '`')}"
    for setting in documented(kind):
        field = kind.model_fields[setting.name]
        yield ""
        if setting.heading:
            yield f"## {setting.heading}"
            yield ""
        words = " ".join(part for part in (setting.text, _allowed(field), _with_unit(setting.name, field)) if part)
        yield from (f"# {line}" for line in _wrapped(words))
        yield f"# {setting.name} = {toml_value(field.default)}"


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


def _wrapped(words: str) -> Iterator[str]:
    line = ""
    for word in words.split():
        if line and len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    if line:
        yield line


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
