"""How the versions of a model are laid out."""

from io import StringIO

import pytest
from rich.console import Console

from deploy.cli.console import page_console
from deploy.registry.manifest import Manifest
from deploy.status.version_list import ListedVersion, version_table

RESTORED = Manifest(
    model="cats",
    version=123_456,
    sha256="0" * 64,
    size_bytes=1,
    checkpoint_sha256="0" * 64,
    task_seq=9,
    latent_size=64,
    created_at_ms=0,
    metrics={"live_clusters": 1000.0, "updates": 100_000.0},
    rolled_back_from=98_765,
)
VERSIONS = [ListedVersion(RESTORED.version, RESTORED, live=True, pinned=True)]


def test_on_a_narrow_terminal_the_state_is_wrapped_and_not_cut() -> None:
    console = Console(width=66, record=True, file=StringIO())
    console.print(version_table(VERSIONS))
    text = console.export_text()
    assert "…" not in text
    assert "clusters" in text
    assert " ".join(text.split()).endswith("98765")


def test_where_a_program_reads_it_a_version_is_one_whole_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    page_console().print(version_table(VERSIONS))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "123456" in line]
    assert "live, pinned, content of 98765" in line
