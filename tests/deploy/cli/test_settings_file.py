"""`r2r init` writes every setting of every class, and what it writes is what the classes say."""

import re
import tomllib
from pathlib import Path

import pytest

from deploy.cli.all_settings import read_all_settings, settings_classes
from deploy.cli.settings_file import main, settings_text
from stream.process.settings import Settings, load_settings, table_type

TEXT = settings_text(settings_classes())
SETTING = re.compile(r"^# ([a-z0-9_]+) = (.*)$", flags=re.MULTILINE)
CLASSES = settings_classes()


def uncommented() -> str:
    return SETTING.sub(r"\1 = \2", TEXT)


def keys(kind: type[Settings], leaf: object) -> dict[str, object]:
    """Return a class's settings as a tree, with `leaf` at each; its tables alone where that is None."""
    inner = {name: table_type(kind, name) for name in kind.model_fields}
    tree = {name: keys(table, leaf) for name, table in inner.items() if table is not None}
    return tree | ({} if leaf is None else {name: leaf for name, table in inner.items() if table is None})


def leaves(tree: dict[str, object]) -> dict[str, object]:
    return {name: leaves(value) if isinstance(value, dict) else "" for name, value in tree.items()}


def test_what_is_written_loads_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "r2r.toml"
    assert main([str(file)]) == 0
    read_all_settings(file, [])
    assert tomllib.loads(file.read_text()) == {section: keys(kind, None) for section, kind in CLASSES.items()}


@pytest.mark.parametrize("section", CLASSES)
def test_every_setting_stands_there_with_its_default(section: str, tmp_path: Path) -> None:
    file = tmp_path / "r2r.toml"
    file.write_text(uncommented())
    assert leaves(tomllib.loads(uncommented())[section]) == keys(CLASSES[section], "")
    assert load_settings(section, CLASSES[section], file, {}, []) == CLASSES[section]()


class Deeper(Settings):
    """A table."""

    births: int = 2
    """How many are added."""


class Inner(Settings):
    """First line.

    More.
    """

    # A group
    size_bytes: int = 2048
    """What it is,
    in ``two`` lines."""
    deeper: Deeper = Deeper()
    """Not told: the table has a docstring of its own."""
    kind: str = "a"


def test_a_docstring_a_heading_and_a_unit_are_comments() -> None:
    text = settings_text({"inner": Inner})
    assert "[inner]\n# First line.\n\n## A group\n\n# What it is, in `two` lines. The default is 2.0 KiB.\n" in text
    assert '# size_bytes = 2048\n\n# kind = "a"' in text


def test_a_table_inside_a_section_follows_the_sections_own_settings() -> None:
    text = settings_text({"inner": Inner})
    assert text.endswith('# kind = "a"\n\n[inner.deeper]\n# A table.\n\n# How many are added.\n# births = 2\n')
    assert tomllib.loads(text) == {"inner": {"deeper": {}}}


def test_lines_stay_within_a_terminal() -> None:
    assert max(len(line) for line in TEXT.splitlines()) <= 120


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "r2r.toml"
    file.write_text("mine")
    assert main([str(file)]) == 1
    assert "File exists" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert main([str(tmp_path / "none/r2r.toml")]) == 1
    assert "No such file or directory" in capsys.readouterr().err
