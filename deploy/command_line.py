"""``r2r``: one command for every role. Each role is a process of its own, and only what it needs is imported in it."""

import os
import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

from stream.home import home_from_environment

app = typer.Typer(
    name="r2r",
    help="Replay to Remember: learn from an endless stream of unlabelled images, without forgetting.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _role(name: str, module: str, text: str) -> None:
    """Add a command that becomes the role's own process: its flags and its exit code are the role's."""

    def command(context: typer.Context) -> None:
        sys.argv = [f"r2r {name}", *context.args]
        runpy.run_module(module, run_name="__main__")

    app.command(name, help=text, context_settings=_PASS_ON)(command)


_role("demo", "deploy.demo", "The whole loop on this machine: Kafka, feed, learner, publisher, server, table.")
_role("broker", "stream.embedded_broker", "A real Kafka from Python packages, on this machine.")
_role("topics", "stream.make_topics", "Make the topics of a model: topics create --model NAME.")
_role("feed", "stream.feed", "Images to Kafka: feed dataset --name digits --rate 25.")
_role("learn", "learner.service", "Learn from the stream: learn --model NAME.")
_role("publish", "deploy.publisher", "Turn checkpoints into served versions: publish --model NAME.")
_role("serve", "deploy.server", "Answer queries with the newest version, over HTTP.")
_role("evaluate", "deploy.evaluator", "Judge each version on the stream's labelled frames: evaluate --model NAME.")
_role("up", "deploy.up", "All roles of one model under one supervisor: up --model NAME.")


@app.command()
def ask(
    image: Annotated[Path, typer.Argument(help="a JPEG, PNG or WebP file")],
    model: Annotated[str, typer.Option(help="which model")] = "digits",
    server: Annotated[str | None, typer.Option(help="its address; by default that of the home's `r2r up`")] = None,
    version: Annotated[int | None, typer.Option(help="a version; the newest by default")] = None,
) -> None:
    """Ask the served model what it sees in an image."""
    from deploy.asking import ask_file, server_of  # noqa: PLC0415  the HTTP client is for this command alone

    address = server_of(home_from_environment(os.environ)) if server is None else server
    raise typer.Exit(ask_file(image, model, address, version))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
