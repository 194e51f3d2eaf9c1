"""``r2r ask IMAGE``: one picture, one answer, in a few lines."""

import mimetypes
import sys
from pathlib import Path

from deploy.client import Client
from stream.errors import R2RError
from stream.home import Home, read_run_file

DEFAULT_SERVER = "http://127.0.0.1:8080"


def server_of(home: Home) -> str:
    """Return the address of the server that runs in ``home``, or the default one."""
    return str(read_run_file(home).get("server", {}).get("address") or DEFAULT_SERVER)


def ask_file(image: Path, model: str, server: str, version: int | None) -> int:
    """Print the model's answer about a file; return the exit code."""
    try:
        body = image.read_bytes()
    except OSError as error:
        sys.stderr.write(f"ask: {image} cannot be read ({error.strerror}); name a JPEG, PNG or WebP file\n")
        return 1
    content_type = mimetypes.guess_type(image.name)[0] or "application/octet-stream"
    try:
        with Client(server) as client:
            answer = client.ask(model, body, content_type, version)
    except R2RError as error:
        sys.stderr.write(f"ask: {error}\n")
        return 1
    sys.stdout.write(f"{model} version {answer.version}: {answer.name}, probability {answer.probability:.2f}, ")
    sys.stdout.write(f"uncertainty {answer.uncertainty:.2f} (above 1 is uncertain)\n")
    for name, probability in zip(answer.top_names, answer.top_probabilities, strict=True):
        sys.stdout.write(f"  {probability:6.3f}  {name}\n")
    return 0
