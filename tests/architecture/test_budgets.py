import ast
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOMS, ROOT, python_files, syntax

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
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    too_long[f"{path}:{node.name}"] = lines
    assert too_long == {}


def test_ruffs_complexity_limits_are_on_in_every_room(tmp_path):
    broken = {f"{room}/breaks_{rule}.py": rule for room in ROOMS for rule in BREAKS}
    for place, rule in broken.items():
        file = tmp_path / place
        file.parent.mkdir(exist_ok=True)
        file.write_text(BREAKS[rule])
    ruff, settings = Path(sys.executable).with_name("ruff"), ROOT / "pyproject.toml"
    found = subprocess.run(
        [ruff, "check", "--no-cache", "--output-format=concise", "--config", settings],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = found.stdout.splitlines()
    assert {
        place for place, rule in broken.items() if not any(place in line and rule in line.split() for line in told)
    } == set()
