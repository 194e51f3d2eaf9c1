"""``python -m replay.teachers train|examine``; it needs neither Kafka nor the rest of the command line."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import asdict
from pathlib import Path

from replay.devices import device_named
from replay.teachers.tiny.recipe import RECIPES
from stream.process.errors import InvalidSetting
from stream.process.home import home_from_environment
from stream.process.shell import run_tool_in_shell
from stream.sources.datasets.packs import PACK_NAMES
from stream.sources.datasets.teacher_part import teacher_part, unseen_part

_SEEDS = 2**32
_MOST_SHARE = 100


def main(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    flags = _parser().parse_args(arguments)
    log_file = home_from_environment(os.environ).logs / "tools.log"
    return run_tool_in_shell("r2r teachers", lambda: _run(flags), log_file)


def _run(flags: Namespace) -> int:
    try:
        return _train(flags) if flags.command == "train" else _examine(flags)
    except OSError as error:
        message = f"{error.filename or 'a file'} cannot be read or written ({error.strerror}); mend that"
        raise InvalidSetting(message) from error


def _seed(text: str) -> int:
    if not (text.isdecimal() and int(text) < _SEEDS):
        message = f"{text!r:.40} came, but a whole number below {_SEEDS} is needed; give another"
        raise ArgumentTypeError(message)
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= _MOST_SHARE:
        message = f"{text!r:.40} came, but a number above 0 and up to {_MOST_SHARE} is needed; give another"
        raise ArgumentTypeError(message)
    return share


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="r2r teachers", description="Small teachers from labelled pictures.")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="make a labeller and a generator")
    examine = commands.add_parser("examine", help="measure a pair on pictures it has not seen, into its card")
    train.add_argument("--out", type=Path, required=True, help="a new folder for the pair")
    train.add_argument("--seed", type=_seed, default=0, help="below 2**32")
    train.add_argument("--recipe", choices=RECIPES, default="small", help="large: colour pictures, on a GPU")
    train.add_argument("--share", type=_share, default=1.0, help="of the recipe's steps, above 0 to 100")
    examine.add_argument("folder", type=Path)
    for command in (train, examine):
        command.add_argument("--dataset", choices=PACK_NAMES, default="digits")
        command.add_argument("--data", type=Path, help="the pack, where it is read from a file")
        command.add_argument("--device", default="cpu", help="cpu, cuda or auto")
    return parser


def _train(flags: Namespace) -> int:
    from replay.teachers.training import train_teachers  # noqa: PLC0415  seconds to import

    device = str(device_named(flags.device))
    recipe = RECIPES[flags.recipe].hurried(flags.share)
    train_teachers(teacher_part(flags.dataset, flags.data), recipe, flags.out, flags.seed, device)
    return 0


def _examine(flags: Namespace) -> int:
    from replay.teachers.examination import examine  # noqa: PLC0415  seconds to import
    from replay.teachers.model_card import add_figures, check_card  # noqa: PLC0415

    check_card(flags.folder)
    seen, unseen = teacher_part(flags.dataset, flags.data), unseen_part(flags.dataset, flags.data)
    figures = examine(flags.folder, seen, unseen, flags.device)
    sys.stdout.writelines(f"{key} {value:.4f}\n" for key, value in asdict(figures).items())
    add_figures(flags.folder, figures, f"device {flags.device}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
