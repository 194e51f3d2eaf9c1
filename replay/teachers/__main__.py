"""``python -m replay.teachers train|examine``; it needs neither Kafka nor the rest of the command line."""

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from replay.devices import device_named
from replay.teachers.recipe import RECIPES
from stream.errors import R2RError
from stream.sources.packs import PACK_NAMES
from stream.sources.teacher_part import teacher_part, unseen_part


def main(arguments: list[str]) -> int:
    """Run one command; an error of the user's is one line on stderr and the status 2."""
    flags = _parser().parse_args(arguments)
    try:
        return _train(flags) if flags.command == "train" else _examine(flags)
    except R2RError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="r2r teachers", description="Small teachers from labelled pictures.")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="make a labeller and a generator")
    examine = commands.add_parser("examine", help="measure a pair on pictures it has not seen, into its card")
    train.add_argument("--out", type=Path, required=True, help="a new folder for the pair")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--recipe", choices=RECIPES, default="small", help="large: colour pictures, on a GPU")
    train.add_argument("--share", type=float, default=1.0, help="of the recipe's steps")
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
    from replay.teachers.model_card import add_figures  # noqa: PLC0415

    seen, unseen = teacher_part(flags.dataset, flags.data), unseen_part(flags.dataset, flags.data)
    figures = examine(flags.folder, seen, unseen, flags.device)
    add_figures(flags.folder, figures, f"device {flags.device}")
    sys.stdout.writelines(f"{key} {value:.4f}\n" for key, value in asdict(figures).items())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
