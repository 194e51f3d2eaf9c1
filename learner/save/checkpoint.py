"""Checkpoints: a new directory each time, complete or not there at all, and one pointer to the newest.

::

    <root>/<model>/CURRENT                       the newest checkpoint's directory name
    <root>/<model>/<task_seq>-<sha256 head>/     tensors.safetensors, state.json, manifest.json

The manifest (``r2r.checkpoint/1.0``) has each file's sha256; ``content_sha256`` is over these, so it depends on what
was learned and on nothing else: not on time, machine or path. No pickle anywhere.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from learner.faults import Faults
from learner.save.format import settings_from_bytes, state_from_bytes, state_to_bytes
from learner.settings import LearnerSettings
from learner.state import LearnerState
from stream.messages import wire_format
from stream.process.errors import CheckpointCorrupt, InvalidMessage, StorageFull, UnknownFormat
from stream.process.home import sync_folder, write_atomically

_POINTER = "CURRENT"
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class SavedCheckpoint:
    """A complete checkpoint: where it is and what its content hashes to."""

    folder: Path
    task_seq: int
    sha256: str


class CheckpointStore:
    """The checkpoints of one model.

    Parameters
    ----------
    root, model
        The folder ``<root>/<model>`` is made at the first save.
    keep
        Older checkpoints than the newest ``keep`` are deleted.
    faults
        Test-only.
    """

    def __init__(self, root: Path, model: str, keep: int, faults: Faults) -> None:
        self.folder = root / model
        self._model = model
        self._keep = keep
        self._faults = faults

    def save(self, state: LearnerState, origin: Mapping[str, str], now_ms: int) -> SavedCheckpoint:
        """Write a checkpoint so that a crash between any two lines leaves the last one whole.

        1. ``write``   all files into a temporary directory, fsynced
        2. ``rename``  it to its final name
        3. ``point``   CURRENT at it, atomically
        4. ``prune``   old ones

        Raises
        ------
        StorageFull
            No space is left; the last checkpoint is untouched and nothing is lost.
        """
        try:
            saved = self._save(state_to_bytes(state), state.progress.task_seq, origin, now_ms)
            self._prune(saved.folder, state.progress.updated_at_task)
        except (OSError, StorageFull) as error:
            if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            message = (
                f"no space is left for a checkpoint in {self.folder}; free some and start the learner again, "
                "which continues from the last checkpoint without loss"
            )
            raise StorageFull(message) from error
        finally:
            self._remove_unfinished()
        return saved

    def _save(self, files: dict[str, bytes], task_seq: int, origin: Mapping[str, str], now_ms: int) -> SavedCheckpoint:
        listing = _listing(files)
        content = _content_sha256(listing)
        manifest = {"model": self._model, "task_seq": task_seq, "content_sha256": content, "files": listing}
        manifest |= {"created_at_ms": now_ms, "origin": dict(origin)}
        final = self.folder / f"{task_seq:010d}-{content[:12]}"
        temporary = self.folder / f".{final.name}.tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        if self._faults.commit_before_rename:
            write_atomically(self.folder / _POINTER, final.name.encode())
        self._write(temporary, files, manifest)
        if not _is_good(final):
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)
            sync_folder(self.folder)
        self._faults.reached("checkpoint_renamed")
        write_atomically(self.folder / _POINTER, final.name.encode())
        return SavedCheckpoint(final, task_seq, content)

    def _write(self, temporary: Path, files: dict[str, bytes], manifest: dict[str, object]) -> None:
        for name, data in files.items():
            _write_synced(temporary / name, data)
            self._faults.reached("checkpoint_half_written")
        _write_synced(temporary / _MANIFEST, wire_format.to_bytes("checkpoint", "1.0", manifest))
        sync_folder(temporary)

    def newest(self) -> Path | None:
        """Return the directory that CURRENT names; None before the first save."""
        try:
            name = (self.folder / _POINTER).read_text().strip()
        except FileNotFoundError:
            return None
        return self.folder / name

    def newest_good(self) -> Path | None:
        """Return the directory that CURRENT names, with its checksums verified; None before the first save.

        Raises
        ------
        CheckpointCorrupt
            It fails its checksum; the newest good one is named. It is never fallen back to silently.
        """
        newest = self.newest()
        if newest is None:
            return None
        try:
            _verified_files(newest)
        except CheckpointCorrupt as error:
            good = next((folder.name for folder in reversed(self._complete()) if _is_good(folder)), None)
            remedy = (
                f"to go back, write {good} into {self.folder / _POINTER}"
                if good
                else "no good one is left, so name a new model with --model, which starts from nothing"
            )
            message = f"{error}; {remedy}"
            raise CheckpointCorrupt(message) from error
        return newest

    def _complete(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("[0-9]*") if path.is_dir())

    def _prune(self, newest: Path, updated_at_task: int) -> None:
        """Delete old ones, but not the one that is still to be published.

        After going back to an older one, ``newest`` is not the last by number.
        """
        for folder in self._complete()[: -self._keep]:
            if folder != newest and not folder.name.startswith(f"{updated_at_task:010d}-"):
                going = folder.rename(folder.with_name(f".{folder.name}.tmp"))  # a reader sees it whole or not at all
                shutil.rmtree(going)

    def _remove_unfinished(self) -> None:
        for left in self.folder.glob(".*.tmp"):
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()


def load_checkpoint(folder: Path, settings: LearnerSettings | None = None) -> LearnerState:
    """Read a checkpoint; the images of its window are to be read again from the log.

    Parameters
    ----------
    settings
        Of now; by default those under which it was written.

    Raises
    ------
    CheckpointCorrupt
        A file is missing or fails its checksum.
    UnknownFormat
        It was written by a release with another major version.
    """
    return state_from_bytes(_verified_files(folder), settings)


def settings_of(folder: Path) -> LearnerSettings:
    """Return the settings under which a checkpoint was written; see `load_checkpoint` for the errors."""
    return settings_from_bytes(_verified_files(folder))


def content_sha256(folder: Path) -> str:
    """Return the sha256 of what a checkpoint holds, from its manifest."""
    return str(_manifest(folder)["content_sha256"])


def content_of(files: Mapping[str, bytes]) -> str:
    """Return the sha256 that a checkpoint of these files has."""
    return _content_sha256(_listing(files))


def origin_of(folder: Path) -> dict[str, str]:
    """Return which cluster and topic a checkpoint's positions belong to."""
    return dict(_manifest(folder)["origin"])


def _manifest(folder: Path) -> wire_format.Document:
    return wire_format.from_bytes("checkpoint", "1.0", (folder / _MANIFEST).read_bytes())


def _verified_files(folder: Path) -> dict[str, bytes]:
    try:
        checksums = _checksums(folder)
        files = {name: (folder / name).read_bytes() for name in checksums}
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"the checkpoint {folder} is incomplete: {error.filename} is missing"
        raise CheckpointCorrupt(message) from error
    for name, data in files.items():
        if _sha256(data) != checksums[name]:
            message = f"the checkpoint {folder} is corrupt: {name} does not have the checksum in its manifest"
            raise CheckpointCorrupt(message)
    return files


def _checksums(folder: Path) -> dict[str, str]:
    """Read each file's checksum from a manifest that is whole itself."""
    try:
        manifest = _manifest(folder)
        listing = manifest["files"]
        whole = manifest["content_sha256"] == _content_sha256(listing) and isinstance(manifest["origin"], dict)
        checksums = {str(name): str(entry["sha256"]) for name, entry in listing.items()}
    except UnknownFormat:
        raise
    except (InvalidMessage, KeyError, TypeError, AttributeError):
        whole, checksums = False, {}
    if not whole:
        message = f"the checkpoint {folder} has a damaged manifest"
        raise CheckpointCorrupt(message)
    return checksums


def _is_good(folder: Path) -> bool:
    try:
        _verified_files(folder)
    except (CheckpointCorrupt, InvalidMessage):
        return False
    return True


def _listing(files: Mapping[str, bytes]) -> dict[str, object]:
    return {name: {"sha256": _sha256(data), "bytes": len(data)} for name, data in files.items()}


def _content_sha256(listing: Mapping[str, object]) -> str:
    return _sha256(wire_format.to_bytes("checkpoint-content", "1.0", {"files": listing}))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
