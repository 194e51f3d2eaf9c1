import ast
from dataclasses import fields

from stream.messages.control import CheckpointReady, Command, Event, ModelVersion, TaskPlan, Truth
from stream.messages.replay import ReplayRequest, ReplaySamples
from tests.architecture.tree import ROOT, python_files, syntax

MESSAGES = (CheckpointReady, Command, Event, ModelVersion, ReplayRequest, ReplaySamples, TaskPlan, Truth)
DOCUMENT = (ROOT / "docs" / "formats.md").read_text()


def written_formats():
    """Find every `to_bytes(kind, version, body)` with a literal kind and version in the code."""
    for path in python_files("stream", "learner", "replay", "deploy"):
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("wire_format.to_bytes"):
                kind, version = (argument.value for argument in node.args[:2])
                yield f"r2r.{kind}/{version}"


def test_every_format_that_is_written_is_documented():
    written = set(written_formats())
    assert len(written) > 5, "the search finds the code's formats"
    assert {name for name in written if name not in DOCUMENT} == set()


def test_every_key_of_a_message_is_documented():
    keys = {f"{message.__name__}.{field.name}": field.name for message in MESSAGES for field in fields(message)}
    assert {key for key, name in keys.items() if f"`{name}`" not in DOCUMENT} == set()
