"""From the flags of ``r2r feed`` to the source that they ask for."""

import argparse
import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from stream.process.errors import InvalidSetting, SourceUnavailable
from stream.process.home import Home
from stream.process.settings import StreamSettings
from stream.sources import FrameSource
from stream.sources.cameras.camera import CameraSource
from stream.sources.cameras.camera_reader import CameraOptions
from stream.sources.cameras.video import Address
from stream.sources.cameras.view import View, crop_of, size_of
from stream.sources.datasets.dataset import DatasetSource, LabelledImages, identity_at
from stream.sources.datasets.drifting import DriftingSource
from stream.sources.datasets.drifts import drift_of, write_drift_truth
from stream.sources.datasets.image_tree import read_image_tree
from stream.sources.datasets.orders import order_of
from stream.sources.datasets.packs import PACK_NAMES, load_pack
from stream.sources.datasets.torchvision_sets import PREFIX, open_torchvision
from stream.sources.folders.folder import FolderOptions, FolderSource
from stream.sources.folders.folder_journal import FolderJournal
from stream.sources.folders.image_files import SUFFIXES

_TREE = "image_tree"
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Opened:
    """A source and what a feed should know of it.

    Parameters
    ----------
    frames_per_second
        At which it is sent; 0 for as fast as possible.
    total_frames
        For the progress bar; None where it is not known.
    dealt
        Whether its streams are dealt over the partitions in turn; otherwise each goes where its name leads.
    folder
        The source again, if it keeps a journal of what is delivered.
    account
        Tells at the end, from the number of frames sent, what became of the others.
    """

    source: FrameSource
    frames_per_second: float
    total_frames: int | None = None
    dealt: bool = False
    folder: FolderSource | None = None
    account: Callable[[int], str] = lambda _: ""


def open_source(
    flags: argparse.Namespace, settings: StreamSettings, home: Home, stopping: threading.Event, started_at_ms: int
) -> Opened:
    """Open the source that ``flags`` (of `feed_flags`) ask for.

    Parameters
    ----------
    started_at_ms
        Unix milliseconds; its second stands in the name of a stream that is given none.

    Raises
    ------
    SourceUnavailable
        It cannot be opened.
    InvalidSetting
        A flag's value is not allowed.
    """
    if flags.kind == "dataset":
        return _dataset(flags, settings, home, started_at_ms)
    if flags.kind == "folder":
        return _folder(flags, settings, home, stopping, started_at_ms)
    return _camera(flags, settings, stopping)


def _dataset(flags: argparse.Namespace, settings: StreamSettings, home: Home, started_at_ms: int) -> Opened:
    images = _labelled_images(flags, settings)
    order = order_of(flags.order, images.stream_labels, flags.classes_per_task, flags.seed)[: flags.limit]
    name = flags.source_name or f"{_plain(flags.name)}-{_second(started_at_ms)}"
    source: FrameSource = DatasetSource(images, order, flags.sources, name)
    drifts = [drift_of(text) for text in flags.drift]
    if drifts:
        file = flags.drift_truth or home.root / "feeds" / f"{_file_name(name)}.drifts.jsonl"
        write_drift_truth(file, drifts, partial(identity_at, name, flags.sources), flags.seed)
        source = DriftingSource(source, drifts, flags.seed, settings)
    elif flags.drift_truth is not None:
        message = "--drift-truth tells of drifts and none came; add one, as in --drift noise:3@400"
        raise InvalidSetting(message)
    return Opened(source, flags.rate, total_frames=len(order), dealt=True)


def _labelled_images(flags: argparse.Namespace, settings: StreamSettings) -> LabelledImages:
    name = str(flags.name)
    if name.startswith(PREFIX):
        return open_torchvision(name.removeprefix(PREFIX), flags.data, flags.download, settings)
    if name == _TREE:
        if flags.data is None:
            message = f"{_TREE} is read from a folder that holds one for each class; name it with --data"
            raise InvalidSetting(message)
        return read_image_tree(flags.data, settings)
    if name not in PACK_NAMES:
        known = ", ".join((*PACK_NAMES, _TREE, f"{PREFIX}NAME"))
        message = f"there is no data set {name!r}; choose one of {known} with --name"
        raise InvalidSetting(message)
    return load_pack(name, flags.data)


def _folder(
    flags: argparse.Namespace, settings: StreamSettings, home: Home, stopping: threading.Event, started_at_ms: int
) -> Opened:
    folder = flags.folder.resolve()
    if not folder.is_dir():
        message = f"there is no folder {folder}; name the one that holds the images"
        raise SourceUnavailable(message)
    by_place = f"{_plain(folder.name)}-{hashlib.sha256(bytes(folder)).hexdigest()[:8]}"
    stem = _file_name(flags.source_name) if flags.source_name else by_place
    new_stream = flags.source_name or f"{_plain(folder.name)}-{_second(started_at_ms)}"
    journal = FolderJournal(home.root / "feeds" / f"{stem}.jsonl", new_stream)
    options = FolderOptions(flags.order, flags.every if flags.watch else None)
    source = FolderSource(folder, journal, options, settings, stopping)
    account = partial(_folder_account, source, folder, home.logs / "feed.log")
    return Opened(source, flags.rate, folder=source, account=account)


def _folder_account(source: FolderSource, folder: Path, log_file: Path, sent: int) -> str:
    account = source.account
    unsent = account.given - sent + account.waiting
    pictures = sent + unsent + account.known + account.unread
    if not pictures:
        return f"; no picture ({', '.join(SUFFIXES)}) was found below {folder}"
    where = f" (named in {log_file})" if account.unread else ""
    went = f"{account.known} known from before, {account.unread} unreadable{where}, {unsent} unsent"
    return f"; of {pictures} pictures {went}"


def _camera(flags: argparse.Namespace, settings: StreamSettings, stopping: threading.Event) -> Opened:
    view = View(crop_of(flags.crop) if flags.crop else None, size_of(flags.resize) if flags.resize else None)
    options = CameraOptions(
        frames_per_second=flags.rate,
        view=view,
        realtime=flags.realtime,
        loop=flags.loop,
        ffmpeg=_pairs(flags.option),
        timeout_seconds=flags.timeout,
        give_up_seconds=flags.give_up_after,
        jpeg_quality=flags.quality,
        seed=flags.seed,
    )
    source = CameraSource(Address(flags.address), flags.source_name, options, settings, stopping)
    return Opened(source, 0.0, account=partial(_camera_account, source))


def _camera_account(source: CameraSource, sent: int) -> str:
    account = source.account
    unsent = account.given - sent + account.left
    went = f"{account.thinned} left out by --rate, {account.dropped} dropped, {unsent} unsent"
    return f"; of {account.decoded} pictures {went}"


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = dict(text.partition("=")[::2] for text in texts)
    if not all(pairs.values()):
        message = f"an option is written KEY=VALUE, but {texts} came; try --option rtsp_transport=udp"
        raise InvalidSetting(message)
    return pairs


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[-_LONGEST_NAME:].strip("-.") or "stream"


def _file_name(name: str) -> str:
    """Return a file's name for a stream's; what had to be changed is told apart by a few digits."""
    plain = _plain(name)
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _second(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y%m%dT%H%M%SZ}"
