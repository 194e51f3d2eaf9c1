"""`r2r init` writes every setting of every class, and what it writes is what the classes say."""

import re
import tomllib
from pathlib import Path

import pytest

from deploy.cli.all_settings import read_all_settings, settings_classes
from deploy.cli.settings_file import documented, main, settings_text
from stream.process.settings import Settings, load_settings

TEXT = settings_text(settings_classes())
SETTING = re.compile(r"^# ([a-z0-9_]+) = (.*)$", flags=re.MULTILINE)
CLASSES = settings_classes()


def uncommented() -> str:
    return SETTING.sub(r"\1 = \2", TEXT)


def test_what_is_written_loads_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "r2r.toml"
    assert main([str(file)]) == 0
    read_all_settings(file, [])
    assert tomllib.loads(file.read_text()) == {section: {} for section in CLASSES}


@pytest.mark.parametrize("section", CLASSES)
def test_every_setting_stands_there_with_its_default(section: str, tmp_path: Path) -> None:
    file = tmp_path / "r2r.toml"
    file.write_text(uncommented())
    assert list(tomllib.loads(uncommented())[section]) == list(CLASSES[section].model_fields)
    assert load_settings(section, CLASSES[section], file, {}, []) == CLASSES[section]()


@pytest.mark.parametrize("section", CLASSES)
def test_the_source_has_every_setting_of_the_class(section: str) -> None:
    assert [setting.name for setting in documented(CLASSES[section])] == list(CLASSES[section].model_fields)


class Inner(Settings):
    """First line.

    More.
    """

    # A group
    size_bytes: int = 2048
    """What it is,
    in ``two`` lines."""
    kind: str = "a"


def test_a_docstring_a_heading_and_a_unit_are_comments() -> None:
    text = settings_text({"inner": Inner})
    assert "[inner]\n# First line.\n\n## A group\n\n# What it is, in `two` lines. The default is 2.0 KiB.\n" in text
    assert '# size_bytes = 2048\n\n# kind = "a"' in text


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
