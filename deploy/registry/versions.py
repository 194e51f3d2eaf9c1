"""The registry of versions: the truth about what is served.

::

    <root>/live/<model>/config.pbtxt              a Triton model repository
    <root>/live/<model>/<version>/model.onnx
    <root>/manifests/<model>/<version>.json
    <root>/candidates/<model>/<version>/model.onnx
    <root>/candidates/<model>/<version>.json
    <root>/steering/<model>.json                  `deploy.publish.promotion_state`

A version's content never changes, and the highest number is the one that is served: a rollback is the old content under
a new number (decision 0004).
"""

import hashlib

from deploy.registry.errors import ModelNotFound, RegistryError, VersionBroken
from deploy.registry.manifest import Manifest
from deploy.registry.triton_config import triton_config
from deploy.registry.version_storage import VersionStorage
from stream.kafka.topics import Topics
from stream.process.errors import InvalidMessage, InvalidSetting

_MODEL_FILE = "model.onnx"
_CONFIG_FILE = "config.pbtxt"


class Registry:
    """Versions below ``root``: a folder, or any address that fsspec opens (``s3://…``, ``memory://…``).

    One process writes, any number read. A version appears complete or not at all, across ``kill -9`` of the writer
    between any two lines. Methods raise `OSError` while the storage does not answer.
    """

    def __init__(self, root: str) -> None:
        self._storage = VersionStorage(root)

    def models(self) -> list[str]:
        """Return the models that have a folder in the live root, sorted."""
        return [model for model in self._storage.names("live") if _is_name(model)]

    def versions(self, model: str, above: int = 0) -> list[int]:
        """Return the complete versions of ``model`` above a number, oldest first; an unknown model has none."""
        folder = f"live/{_checked(model)}"
        numbers = sorted(int(name) for name in self._storage.names(folder) if name.isdecimal())
        newer = [number for number in numbers if number > above]
        return [number for number in newer if self._storage.exists(f"{folder}/{number}/{_MODEL_FILE}")]

    def latest(self, model: str) -> int | None:
        """Return the version to serve; None before the first."""
        return max(self.versions(model), default=None)

    def candidates(self, model: str) -> list[int]:
        """Return the candidates that wait for promotion or were refused, oldest first."""
        names = self._storage.names(f"candidates/{_checked(model)}")
        return sorted(int(name) for name in names if name.isdecimal())

    def manifest(self, model: str, version: int) -> Manifest:
        """Return a version's manifest.

        Raises
        ------
        ModelNotFound
            There is no such version.
        VersionBroken
            The manifest cannot be read.
        """
        return self._read_manifest(f"manifests/{_checked(model)}/{version}.json", model, version)

    def read_model(self, model: str, version: int) -> bytes:
        """Return a version's ``model.onnx``, its checksum verified.

        Raises
        ------
        ModelNotFound
            There is no such version.
        VersionBroken
            The file is not the one its manifest describes.
        """
        path = f"live/{_checked(model)}/{version}/{_MODEL_FILE}"
        try:
            manifest = self.manifest(model, version)
        except ModelNotFound as error:
            if not self._storage.exists(path):
                raise
            cause = "it has no manifest, so it was not promoted here"
            raise VersionBroken(model, version, cause) from error
        return self._read_verified(path, manifest)

    def uri(self, model: str, version: int) -> str:
        """Return where a version's file is or will be."""
        return self._storage.uri(f"live/{_checked(model)}/{version}/{_MODEL_FILE}")

    def add_candidate(self, manifest: Manifest, model_bytes: bytes) -> None:
        """Write a candidate; one of the same number that is there is replaced.

        Raises
        ------
        RegistryError
            The number is below 1 (Triton passes over a folder named 0), or the manifest describes other bytes.
        """
        if manifest.version < 1:
            message = f"a version's number begins at 1, but {manifest.version} came; publish a later checkpoint"
            raise RegistryError(message)
        _verify(model_bytes, manifest)
        folder = f"candidates/{_checked(manifest.model)}/{manifest.version}"
        self._storage.write(f"{folder}/{_MODEL_FILE}", model_bytes)
        self._storage.write(f"{folder}.json", manifest.to_bytes())

    def promote(self, model: str, version: int) -> None:
        """Make a candidate a version. To promote it again is harmless.

        1. verify the candidate, 2. write the model's configuration once, 3. write the manifest, 4. move the candidate's
        folder into the live root: from here on it is served, 5. forget the candidate.

        Raises
        ------
        ModelNotFound
            There is neither such a candidate nor such a version.
        VersionBroken
            The candidate's file is not the one its manifest describes.
        RegistryError
            Another content is already served under this number.
        """
        candidate = f"candidates/{_checked(model)}/{version}"
        if self._storage.exists(f"{candidate}/{_MODEL_FILE}"):
            manifest = self._read_manifest(f"{candidate}.json", model, version)
            self._read_verified(f"{candidate}/{_MODEL_FILE}", manifest)
            if version in self.versions(model):
                self._check_same(manifest)
            else:
                self._write_config(manifest)
                self._storage.write(f"manifests/{model}/{version}.json", manifest.to_bytes())
                self._storage.move_file_in_folder(candidate, f"live/{model}/{version}", _MODEL_FILE)
        elif version not in self.versions(model):
            raise ModelNotFound(model, str(version))
        self._forget_candidate(model, version)

    def prune(self, model: str, keep: int, keep_candidates: int) -> None:
        """Delete all but the newest ``keep`` versions and ``keep_candidates`` candidates.

        Never the newest version: it is the one that answers, and a pinned one is always the newest.
        """
        for version in self.versions(model)[: -max(keep, 1)]:
            self._storage.delete(f"live/{model}/{version}")
            self._storage.delete(f"manifests/{model}/{version}.json")
        waiting = self.candidates(model)
        for version in waiting[: max(len(waiting) - keep_candidates, 0)]:
            self._forget_candidate(model, version)

    def _forget_candidate(self, model: str, version: int) -> None:
        self._storage.delete(f"candidates/{model}/{version}")
        self._storage.delete(f"candidates/{model}/{version}.json")

    def _write_config(self, manifest: Manifest) -> None:
        path = f"live/{manifest.model}/{_CONFIG_FILE}"
        if not self._storage.exists(path):
            self._storage.write(path, triton_config(manifest.model, manifest.latent_size).encode())

    def _read_manifest(self, path: str, model: str, version: int) -> Manifest:
        try:
            return Manifest.from_bytes(self._storage.read(path))
        except FileNotFoundError as error:
            raise ModelNotFound(model, str(version)) from error
        except InvalidMessage as error:
            raise VersionBroken(model, version, str(error)) from error

    def _read_verified(self, path: str, manifest: Manifest) -> bytes:
        try:
            model_bytes = self._storage.read(path)
        except FileNotFoundError as error:
            raise ModelNotFound(manifest.model, str(manifest.version)) from error
        _verify(model_bytes, manifest)
        return model_bytes

    def _check_same(self, manifest: Manifest) -> None:
        served = self.manifest(manifest.model, manifest.version)
        if served.sha256 != manifest.sha256:
            message = (
                f"version {manifest.version} of {manifest.model!r} is served with other content; "
                "a version never changes: publish this content under a new number"
            )
            raise RegistryError(message)


def _verify(model_bytes: bytes, manifest: Manifest) -> None:
    found = hashlib.sha256(model_bytes).hexdigest()
    if found != manifest.sha256 or len(model_bytes) != manifest.size_bytes:
        cause = f"its {len(model_bytes)} bytes have sha256 {found[:12]}…, its manifest says {manifest.sha256[:12]}…"
        raise VersionBroken(manifest.model, manifest.version, cause)


def _checked(model: str) -> str:
    return Topics(model).model


def _is_name(model: str) -> bool:
    try:
        _checked(model)
    except InvalidSetting:  # a folder that is no model of ours
        return False
    return True
