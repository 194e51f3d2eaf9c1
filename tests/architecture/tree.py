"""What lies in the repository, as the architecture tests see it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("stream", "learner", "replay", "deploy", "benchmarks")
_OUTPUTS = {"__pycache__", "build"}


def python_files(*folders: str) -> list[Path]:
    """Return all Python files below the folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def syntax(path: Path) -> ast.Module:
    """Return the file's syntax tree; each file is parsed once for all checks."""
    return ast.parse(path.read_text())


def written_files() -> Iterator[tuple[Path, str]]:
    """Give each file that is written by people, with its text; tools' outputs and images are left out."""
    top = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # a file in a linked work tree
    deep = [path for folder in (*ROOMS, "tests", "docs", ".ci") for path in (ROOT / folder).rglob("*")]
    for path in sorted(top + deep):
        if path.is_file() and not _OUTPUTS & set(path.parts):
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
