"""The folders' names are general (decision 0005): another distribution could bring a package of the same name."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.architecture.tree import ROOMS, ROOT

LISTED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]


def test_every_package_of_the_application_is_listed():
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for room in ROOMS
        if room != "benchmarks"
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert found == set(LISTED)


def test_an_installed_package_resolves_to_this_repository_from_anywhere(tmp_path):
    program = f"import json, importlib; print(json.dumps([importlib.import_module(n).__file__ for n in {LISTED}]))"
    found = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr + "install this project with `make install`"
    for name, file in zip(LISTED, json.loads(found.stdout), strict=True):
        assert Path(file).parent == ROOT.joinpath(*name.split("."))


def test_no_other_distribution_brings_a_package_of_our_names():
    brought = packages_distributions()
    assert {room: names for room in ROOMS if (names := set(brought.get(room, [])) - {"r2r"})} == {}
