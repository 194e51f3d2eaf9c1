import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.roles import FEED, REPLAY, SERVER
from tests.architecture.tree import ROOT, python_files

LEFT_OUT = {
    SERVER.module: {"torch", "kafka", "learner", "sklearn"},
    "deploy.cli.command_line": {"torch", "kafka", "learner", "onnxruntime", "sklearn"},
    REPLAY.module: {"torch", "learner", "deploy", "onnxruntime", "sklearn"},
    FEED.module: {"torch", "learner", "deploy", "onnxruntime"},
}


def test_imports_point_one_way():
    lint = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("entry", LEFT_OUT)
def test_a_light_process_stays_light(entry):
    program = f"import json, sys, {entry}; json.dump(sorted(sys.modules), sys.stdout)"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert LEFT_OUT[entry] & set(json.loads(found.stdout)) == set()


def test_the_learner_cannot_name_the_truth_topic():
    for path in python_files("learner"):
        attributes = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert "truth" not in attributes, path
        assert "Truth" not in names, path
