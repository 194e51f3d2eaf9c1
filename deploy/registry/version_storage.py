"""Files of the registry on any file system that fsspec reaches: whole or not at all.

On a local disk a write is temp + fsync + rename and a folder is moved by one rename. An object store has neither, but
one object appears whole; a version is one file, so it appears whole there too.
"""

import errno
from pathlib import Path

import fsspec.core  # type: ignore[import-untyped]
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from stream.process.errors import StorageFull
from stream.process.home import sync_folder, write_atomically

_DELETED = ".deleted"


class VersionStorage:
    """Paths are relative to ``root``, with ``/`` between their parts.

    Every method raises `OSError` where the file system does not answer, and `StorageFull` where a write finds no space.
    """

    def __init__(self, root: str) -> None:
        self._files, self._root = fsspec.core.url_to_fs(root)
        self._local = isinstance(self._files, LocalFileSystem)

    def uri(self, path: str) -> str:
        """Return the address under which another process finds ``path``."""
        return str(self._files.unstrip_protocol(self._at(path)))

    def names(self, folder: str) -> list[str]:
        """List what stands in ``folder``, sorted; nothing where there is no such folder."""
        self._files.invalidate_cache()  # an object store's listing is kept otherwise
        try:
            found = self._files.ls(self._at(folder), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(str(name).rstrip("/").rpartition("/")[2] for name in found)

    def exists(self, path: str) -> bool:
        """Say whether there is a file or folder at ``path``."""
        return bool(self._files.exists(self._at(path)))

    def read(self, path: str) -> bytes:
        """Return a file's content; raise FileNotFoundError where there is none."""
        return bytes(self._files.cat_file(self._at(path)))

    def write(self, path: str, data: bytes) -> None:
        """Write a file so that it appears whole, durably."""
        try:
            if self._local:
                write_atomically(Path(self._at(path)), data)
            else:
                self._files.pipe_file(self._at(path), data)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            message = f"no space is left for {path} of {len(data)} bytes in the registry; free some and publish again"
            raise StorageFull(message) from error

    def move_file_in_folder(self, source: str, target: str, name: str) -> None:
        """Move the folder ``source``, whose one file is ``name``, to ``target``, which does not exist."""
        if not self._local:
            self.write(f"{target}/{name}", self.read(f"{source}/{name}"))
            self.delete(source)
            return
        old, new = Path(self._at(source)), Path(self._at(target))
        new.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(old)
        old.rename(new)
        sync_folder(new.parent)
        sync_folder(old.parent)

    def delete(self, path: str) -> None:
        """Delete a file or folder; a folder disappears at once, not file by file. Nothing there is no error."""
        if not self.exists(path):
            return
        doomed = self._at(path)
        if self._local and Path(doomed).is_dir():
            doomed = self._at(f"{_DELETED}/{path.replace('/', '-')}")
            Path(doomed).parent.mkdir(parents=True, exist_ok=True)
            self._remove_left_over(doomed)
            Path(self._at(path)).rename(doomed)
        self._files.rm(doomed, recursive=True)

    def _remove_left_over(self, doomed: str) -> None:
        """Remove what a process that died here has left under the same name."""
        if self._files.exists(doomed):
            self._files.rm(doomed, recursive=True)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"
