"""The stored checkpoints, and copies of them as another release would have written them."""

import hashlib
import json
import shutil
from pathlib import Path

from stream.messages import wire_format

STORED = Path(__file__).parents[2] / "fixtures" / "formats" / "v1" / "checkpoint"
STORED_1_1, STORED_1_2, STORED_1_4 = (STORED.with_name(f"checkpoint_1_{minor}") for minor in (1, 2, 4))
STORED_2_0 = STORED.with_name("checkpoint_2_0")
OLD = (STORED, STORED_1_1, STORED_1_2, STORED_1_4)


def document_of(folder):
    return json.loads((folder / "state.json").read_bytes())


def rewritten(folder, stored, state, manifest=None):
    """Copy a stored checkpoint as another release would have written it: with another document or manifest."""
    shutil.copytree(stored, folder)
    listing = json.loads((folder / "manifest.json").read_bytes())
    body = json.dumps(state).encode()
    (folder / "state.json").write_bytes(body)
    listing["files"]["state.json"] = {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
    content = wire_format.to_bytes("checkpoint-content", "1.0", {"files": listing["files"]})
    listing["content_sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(listing | (manifest or {})))
    return folder
