import ast
from dataclasses import fields

import pytest

from stream.messages.control import CheckpointReady, Command, Event, ModelVersion, TaskPlan, Truth
from stream.messages.replay import ReplayRequest, ReplaySamples
from tests.architecture.tree import ROOT, python_files

MESSAGES = (CheckpointReady, Command, Event, ModelVersion, ReplayRequest, ReplaySamples, TaskPlan, Truth)
DOCUMENT = (ROOT / "docs" / "formats.md").read_text()


def written_formats():
    """Find every `to_bytes(kind, version, body)` with a literal kind and version in the code."""
    for path in python_files("stream", "learner", "replay", "deploy"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("wire_format.to_bytes"):
                kind, version = (argument.value for argument in node.args[:2])
                yield f"r2r.{kind}/{version}"
    yield from (message.format for message in MESSAGES)


@pytest.mark.parametrize("name", sorted(set(written_formats())))
def test_every_format_that_is_written_is_documented(name):
    assert name in DOCUMENT


@pytest.mark.parametrize("message", MESSAGES)
def test_every_key_of_a_message_is_documented(message):
    for field in fields(message):
        assert f"`{field.name}`" in DOCUMENT
