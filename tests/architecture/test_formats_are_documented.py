import ast
from dataclasses import fields

from deploy.registry.manifest import Manifest
from stream.frame import FORMAT_VERSION
from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.command import Command
from stream.messages.event import Event
from stream.messages.model_version import ModelVersion
from stream.messages.replay import ReplayRequest, ReplaySamples
from stream.messages.task_plan import TaskPlan
from stream.messages.truth import Truth
from tests.architecture.tree import ROOT, python_files, syntax

MESSAGES = (CheckpointReady, Command, Event, Manifest, ModelVersion, ReplayRequest, ReplaySamples, TaskPlan, Truth)
DOCUMENT = (ROOT / "docs" / "formats.md").read_text()


def constants(tree):
    """Return the module's constants that are texts."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
    }


def written_formats():
    """Find every `to_bytes(kind, version, body)` in the code, and every ``format`` of a message's class."""
    for path in python_files("stream", "learner", "replay", "deploy"):
        tree = syntax(path)
        known = constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "format" and node.value is not None:
                yield ast.literal_eval(node.value)
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).endswith("wire_format.to_bytes")
                and not isinstance(node.args[0], ast.Starred)  # of a message's class
            ):
                kind, version = (
                    known[argument.id] if isinstance(argument, ast.Name) else argument.value
                    for argument in node.args[:2]
                )
                yield f"r2r.{kind}/{version}"


def test_every_format_that_is_written_is_documented():
    found = set(written_formats())
    assert {message.format for message in MESSAGES} < found
    assert "r2r.steering/1.0" in found
    assert {name for name in found if name not in DOCUMENT} == set()
    assert f"## Frame, version {FORMAT_VERSION}" in DOCUMENT


def test_every_key_of_a_message_is_documented():
    keys = {field.name for message in MESSAGES for field in fields(message)}
    assert {key for key in keys if f"`{key}`" not in DOCUMENT} == set()
