"""``r2r ask IMAGE…``: pictures, or folders of them, and what the served model sees in each."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deploy.cli.client import Answer, Client
from deploy.cli.errors import ImageRefused, SystemMissing
from deploy.cli.tool import Tool, add_model_flag, run_tool, tool_parser
from deploy.roles import SERVER
from deploy.settings import DeploySettings
from stream.image_codec import content_type_of
from stream.process.errors import InvalidImage
from stream.process.home import Home, read_run_file

DEFAULT_SERVER = DeploySettings().processes[0].address
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_MOST_FILES = 10_000


def ask(tool: Tool) -> int:
    """Ask about each image, in order; return 1 where one could not be answered.

    Raises
    ------
    ServerAnswer
        The server does not answer, or not for this model.
    SystemMissing
        It serves no model, or several and none was named; or a folder has no image.
    """
    answers: list[dict[str, Any]] = []
    failed = 0
    with Client(address_of(tool.flags.server or server_of(tool.home))) as client:
        model = tool.flags.model or model_of(tool.home, client)
        for image in images_in(tool.flags.images):
            try:
                answer = _ask_one(client, model, image, tool.flags.version)
            except (InvalidImage, ImageRefused) as error:
                sys.stderr.write(f"r2r ask: {image}: {error}\n")
                failed = 1
                continue
            except OSError as error:
                sys.stderr.write(f"r2r ask: {image} cannot be read ({error.strerror}); name a JPEG, PNG or WebP file\n")
                failed = 1
                continue
            answers.append({"image": str(image), "model": model, **asdict(answer)})
            if not tool.flags.json:
                _show(image, model, answer, brief=len(tool.flags.images) > 1 or image not in tool.flags.images)
    tool.render({"answers": answers}, lambda: None)
    return failed


def server_of(home: Home) -> str:
    """Return the address of the server that runs in ``home``, or the default one."""
    return str(read_run_file(home).get(SERVER.name, {}).get("address") or DEFAULT_SERVER)


def address_of(text: str) -> str:
    """Return ``http://host:port`` of what a person writes.

    Examples
    --------
    >>> address_of("127.0.0.1:8080"), address_of("https://example.com/")
    ('http://127.0.0.1:8080', 'https://example.com')
    """
    return (text if "://" in text else f"http://{text}").rstrip("/")


def model_of(home: Home, client: Client) -> str:
    """Return the model that runs in ``home``, or else the only one that the server has."""
    running = read_run_file(home).get("up", {}).get("model")
    if running:
        return str(running)
    served = client.models()
    if len(served) == 1:
        return served[0]
    which = f"the server has {', '.join(served)}; name one with --model" if served else "the server has no version yet"
    message = f"which model is to be asked? {which}"
    raise SystemMissing(message)


def images_in(places: Sequence[Path]) -> Iterator[Path]:
    """Yield the files that are named, and those of the folders that are, by name.

    Raises
    ------
    SystemMissing
        A folder has no JPEG, PNG or WebP file, or more than are asked about at once.
    """
    for place in places:
        if not place.is_dir():
            yield place
            continue
        found = sorted(path for path in place.iterdir() if path.suffix.lower() in _SUFFIXES)
        if not 0 < len(found) <= _MOST_FILES:
            message = f"{place} has {len(found)} JPEG, PNG and WebP files; name a folder that has 1 to {_MOST_FILES}"
            raise SystemMissing(message)
        yield from found


def _ask_one(client: Client, model: str, image: Path, version: int | None) -> Answer:
    body = image.read_bytes()
    return client.ask(model, body, content_type_of(body), version)


def _show(image: Path, model: str, answer: Answer, *, brief: bool) -> None:
    text = f"{answer.name}, probability {answer.probability:.2f}, uncertainty {answer.uncertainty:.2f}"
    if brief:
        sys.stdout.write(f"{image}: {text}\n")
        return
    sys.stdout.write(f"{model} version {answer.version}: {text} (above 1 is uncertain)\n")
    for name, probability in zip(answer.top_names, answer.top_probabilities, strict=True):
        sys.stdout.write(f"  {probability:6.3f}  {name}\n")


def main(argv: Sequence[str]) -> int:
    """Run the tool; return its exit code."""
    flags = tool_parser("ask", "Ask the served model what it sees in images.")
    flags.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a JPEG, PNG or WebP file, or a folder")
    add_model_flag(flags)
    flags.add_argument("--server", default=None, help="host:port (default: the one that runs in the home, or 8080)")
    flags.add_argument("--version", type=int, default=None, help="a version (default: the newest)")
    return run_tool("ask", flags, ask, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
