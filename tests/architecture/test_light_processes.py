"""What a process loads by its first import; who may import whom is checked by import-linter (pyproject.toml)."""

import json
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT

LEFT_OUT = {
    "deploy.serving.server": {"torch", "kafka", "learner", "sklearn"},
    "deploy.cli.command_line": {"torch", "kafka", "learner", "onnxruntime", "sklearn"},
    "replay.worker": {"torch", "learner", "deploy", "onnxruntime", "sklearn"},
    "stream.feed.service": {"torch", "learner", "deploy", "onnxruntime"},
}


@pytest.mark.parametrize("entry", LEFT_OUT)
def test_a_light_process_stays_light(entry):
    program = f"import json, sys, {entry}; json.dump(sorted(sys.modules), sys.stdout)"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert LEFT_OUT[entry] & set(json.loads(found.stdout)) == set()
