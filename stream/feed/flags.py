"""The flags of ``r2r feed dataset``, ``folder`` and ``camera``."""

import argparse
from pathlib import Path

from stream.process.role import parser
from stream.sources.datasets.drifts import KINDS
from stream.sources.datasets.orders import ORDERS
from stream.sources.folders.folder import FILE_ORDERS
from stream.sources.folders.image_files import SUFFIXES

_DATASET = """A data set as a stream of unlabelled frames; its labels go to the evaluator's topic alone.

--name digits                        scikit-learn's, needs no file
--name cifar10 --data DIR            DIR/cifar10.npz; also fashion_mnist, cifar100, tinyimagenet32
--name npz --data FILE               any .npz pack: x_train, y_train, x_test, y_test, names
--name image_tree --data DIR         a folder for each class, images anywhere below it
--name torchvision:MNIST --data DIR  a set of torchvision, from its own files"""
_FOLDER = f"""The image files ({", ".join(SUFFIXES)}) below a folder, each once, as unlabelled frames.

Started again, it goes on where it was: what is sent stands in the home's feeds/*.jsonl. A file that is written anew is
a new frame. --watch goes on with files as they appear; one that is still being written is taken once it is whole."""
_CAMERA = """A camera or a video as unlabelled frames: /dev/video0 or 0, a video file, an rtsp or http URL.

A live camera never makes the stream wait: what cannot be sent in time is dropped, the oldest first, and counted; after
a break it is connected again. A video file is read as fast as it can be sent, and nothing of it is dropped, unless
--realtime plays it at its own speed."""


def feed_flags() -> argparse.ArgumentParser:
    """Return the parser of all kinds."""
    common = parser("feed", "Send images to Kafka as unlabelled frames.")
    flags = argparse.ArgumentParser(prog=common.prog, description=common.description)
    kinds = flags.add_subparsers(dest="kind", required=True, metavar="dataset|folder|camera", title="kinds of source")
    for name, add, text in (
        ("dataset", _add_dataset, _DATASET),
        ("folder", _add_folder, _FOLDER),
        ("camera", _add_camera, _CAMERA),
    ):
        kind = kinds.add_parser(
            name,
            help=text.split("\n", maxsplit=1)[0],
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
            add_help=False,  # the common flags bring theirs
        )
        add(kind)
    return flags


def _add_dataset(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--name", default="digits", help="which data set (default: digits)")
    flags.add_argument("--data", type=Path, default=None, metavar="PATH", help="its file or its folder")
    flags.add_argument("--download", action="store_true", help="let torchvision get files that are not there")
    flags.add_argument("--order", choices=ORDERS, default="class_incremental", help="(default: class_incremental)")
    flags.add_argument("--classes-per-task", type=_count, default=2, metavar="N", help="of the order (default: 2)")
    flags.add_argument("--seed", type=int, default=0, metavar="N", help="of the order and the drifts (default: 0)")
    flags.add_argument(
        "--drift",
        action="append",
        default=[],
        metavar="KIND:SEVERITY@FRAME[+SPAN]",
        help=f"change the images from a frame on, at once or over SPAN frames; {', '.join(KINDS)}; severity 1 to 5",
    )
    flags.add_argument(
        "--drift-truth",
        type=Path,
        default=None,
        metavar="FILE",
        help="where to write which drift came when (default: feeds/NAME.drifts.jsonl in the home)",
    )
    flags.add_argument("--sources", type=_count, default=3, metavar="N", help="dealt over so many (default: 3)")
    _add_rate(flags)
    _add_shared(flags, "the data set's and the second")


def _add_folder(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("folder", type=Path, metavar="DIR", help="where the images are")
    flags.add_argument("--watch", action="store_true", help="go on with files as they appear, until told to stop")
    flags.add_argument(
        "--every", type=_poll_seconds, default=1.0, metavar="SECONDS", help="how often to look, 0.1 to 60 (default: 1)"
    )
    flags.add_argument("--order", choices=FILE_ORDERS, default="time", help="by time and path, or path (default: time)")
    _add_rate(flags)
    _add_shared(flags, "the folder's and the second of its first start")


def _add_camera(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("address", metavar="ADDRESS", help="a device, a video file or a URL")
    flags.add_argument(
        "--rate", "--fps", type=_rate, default=0.0, metavar="N", help="keep at most N of a second's pictures; 0 for all"
    )
    flags.add_argument("--crop", default=None, metavar="WxH+X+Y", help="send this part of the picture")
    flags.add_argument("--resize", default=None, metavar="WxH", help="then scale it to this size")
    flags.add_argument("--quality", type=_quality, default=90, metavar="1-95", help="of the JPEGs (default: 90)")
    flags.add_argument("--realtime", action="store_true", help="play a recording at its own speed")
    flags.add_argument("--loop", action="store_true", help="play a recording again and again")
    flags.add_argument(
        "--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="wait so long for data (default: 10)"
    )
    flags.add_argument(
        "--give-up-after", type=_seconds, default=300.0, metavar="SECONDS", help="after a break, try so long (300)"
    )
    flags.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="one of FFmpeg's, as rtsp_transport=udp"
    )
    flags.add_argument("--seed", type=int, default=0, metavar="N", help="of the distances of tries (default: 0)")
    _add_shared(flags, "the address and the second")


def _add_rate(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--rate", type=_rate, default=0.0, metavar="N", help="frames a second; 0, the default, for all")


def _add_shared(flags: argparse.ArgumentParser, otherwise: str) -> None:
    flags.add_argument("--source-name", default=None, metavar="NAME", help=f"the stream's (default: {otherwise})")
    flags.add_argument("--limit", type=_count, default=None, metavar="N", help="stop after so many frames")


def _count(text: str) -> int:
    return int(_within(text, 1, 10**12, whole=True))


def _quality(text: str) -> int:
    return int(_within(text, 1, 95, whole=True))


def _rate(text: str) -> float:
    return _within(text, 0, 10**6)


def _seconds(text: str) -> float:
    return _within(text, 0, 10**9)


def _poll_seconds(text: str) -> float:
    return _within(text, 0.1, 60)


def _within(text: str, least: float, most: float, whole: bool = False) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most or (whole and not number.is_integer()):
        message = f"a {'whole ' if whole else ''}number from {least:g} to {most:.15g} is expected, but {text!r} came"
        raise argparse.ArgumentTypeError(message)
    return number
