"""``r2r``: one command for every role and tool. Each is a module of its own, and only what it needs is imported."""

import runpy
import sys
from typing import Annotated

import typer

from deploy.roles import FEED, ROLES

app = typer.Typer(
    name="r2r",
    help="Replay to Remember: learn from an endless stream of unlabelled images, without forgetting.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415  costs 20 ms

        sys.stdout.write(f"r2r {version('r2r')}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Go on with the command; `_show_version` has done what is asked here."""


def _command(group: str, name: str, module: str, text: str) -> None:
    """Add a command that becomes the module's own process: its flags and its exit code are the module's."""

    def command(context: typer.Context) -> None:
        sys.argv = [f"r2r {name}", *context.args]
        runpy.run_module(module, run_name="__main__")

    app.command(name, help=text, context_settings=_PASS_ON, rich_help_panel=group)(command)


_START = "Start here"
_command(
    _START, "demo", "deploy.demo.service", "The whole loop on this machine, on digits: learn, serve, ask, a table."
)
_command(_START, "doctor", "deploy.doctor.service", "Is all there that a system needs? Each finding with its remedy.")
_command(_START, "init", "deploy.cli.settings_file", "Write a commented settings file: init r2r.toml.")
_command(_START, "up", "deploy.host.up", "All roles of one model, and Kafka: up --model NAME.")
_command(_START, FEED.command, FEED.module, FEED.summary)

_ASK = "Ask a running system"
_command(_ASK, "status", "deploy.cli.status", "Roles, versions, clusters, lag, newest decisions: status --watch.")
_command(_ASK, "ask", "deploy.cli.ask", "What does the model see in these images: ask photo.jpg.")

_CHANGE = "Change a running system"
_command(_CHANGE, "name", "deploy.cli.name_cluster", "Call a cluster by a name: name 7 cat.")
_command(_CHANGE, "models", "deploy.cli.model_versions", "Versions: models list, rollback VERSION, pin, unpin.")
_command(_CHANGE, "dlq", "deploy.dead_letters.service", "What could not be read: dlq list, show, resend.")
_command(_CHANGE, "teachers", "replay.teachers", "A labeller and a generator of your own pictures: teachers train.")

_ONE_ROLE = "One role at a time"
_command(_ONE_ROLE, "topics", "stream.kafka.admin", "Make the topics of a model: topics create --model NAME.")
for role in ROLES:
    if role is not FEED:
        _command(_ONE_ROLE, role.command, role.module, role.summary)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
