import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOMS, ROOT, python_files

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
ARGUMENTS = ", ".join(f"argument_{n}" for n in range(7))
BREAKS = {
    "C901": "def f(x):\n" + "".join(f"    if x == {n}:\n        x += {n}\n" for n in range(11)),
    "PLR0912": "def f(x):\n" + "".join(f"    if x == {n}:\n        x += {n}\n" for n in range(11)),
    "PLR0913": f"def f({ARGUMENTS}):\n    return 0\n",
    "PLR0915": "def f(x):\n" + "    x += 1\n" * 41,
}


def test_no_file_is_longer_than_its_budget():
    lengths = {path: len(path.read_text().splitlines()) for path in python_files(*ROOMS, "tests")}
    assert {str(path): lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_its_budget():
    too_long = {}
    for path in python_files(*ROOMS, "tests"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    too_long[f"{path}:{node.name}"] = lines
    assert too_long == {}


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("rule", BREAKS)
def test_ruffs_complexity_limits_are_on_in_every_room(room, rule):
    ruff = Path(sys.executable).with_name("ruff")
    place = f"{room}/too_complex.py"
    found = subprocess.run(
        [ruff, "check", "--no-cache", "--output-format=concise", "--stdin-filename", place, "-"],
        input=BREAKS[rule],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert f" {rule} " in found.stdout
