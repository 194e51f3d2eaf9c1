"""Which version answers: a newer one is loaded and warmed beside the live one, then one reference is swapped."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.metrics import ServingMetrics
from deploy.registry.errors import ModelNotFound, RegistryError, VersionBroken
from deploy.registry.versions import Registry
from deploy.serving.errors import InvalidGraph, ModelNotReady
from deploy.serving.inference_session import InferenceSession

_log = logging.getLogger(__name__)
Loader = Callable[[bytes], InferenceSession]


@dataclass(frozen=True)
class LoadedVersion:
    """A version that can answer. Whoever holds it keeps it alive, also after a swap."""

    model: str
    version: int
    session: InferenceSession


class LiveModels:
    """The versions in memory: one thread `watch`es the registry, requests `find` theirs from any thread.

    Parameters
    ----------
    registry
        Where versions come from.
    load
        Makes a session of a version's bytes.
    keep_loaded
        Older versions in memory at the same time; the one not asked for longest leaves first.
    expected
        Models that are "not ready" rather than "not found" before their first version.
    """

    def __init__(
        self, registry: Registry, load: Loader, metrics: ServingMetrics, *, keep_loaded: int, expected: Sequence[str]
    ) -> None:
        self._registry = registry
        self._load = load
        self._metrics = metrics
        self._keep_loaded = keep_loaded
        self._expected = frozenset(expected)
        self._live: dict[str, LoadedVersion] = {}
        self._older: OrderedDict[tuple[str, int], LoadedVersion] = OrderedDict()
        self._broken: dict[str, set[int]] = {}
        self._older_access = threading.Lock()
        self._loading = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether every expected model, and one at least, can answer."""
        return bool(self._live) and self._expected <= self._live.keys()

    def is_served(self, model: str) -> bool:
        """Whether ``model`` can answer."""
        return model in self._live

    def names(self) -> list[str]:
        """Return the models that can answer, sorted."""
        return sorted(self._live)

    def versions(self, model: str) -> list[int]:
        """Return the versions of a live model that can be asked for, oldest first; reads the registry."""
        live = self.newest(model)
        return sorted({live.version, *self._registry.versions(model)})

    def newest(self, model: str) -> LoadedVersion:
        """Return the version that answers for ``model``.

        Raises
        ------
        ModelNotReady
            The model has no version yet.
        ModelNotFound
            Other models are served, this one is not known.
        """
        live = self._live.get(model)
        if live is not None:
            return live
        if model in self._expected or not (self._live or self._expected):
            raise ModelNotReady(model)
        raise ModelNotFound(model)

    def find(self, model: str, version: str | None) -> LoadedVersion | None:
        """Return the newest version, or that of the number, if it is in memory; None if it must be `load_older`.

        Raises
        ------
        ModelNotFound, ModelNotReady
            As for `newest`, or ``version`` is no number.
        """
        live = self.newest(model)
        if version is None or version == str(live.version):
            return live
        key = (model, _number(model, version))
        with self._older_access:
            if key in self._older:
                self._older.move_to_end(key)
            return self._older.get(key)

    def load_older(self, model: str, version: str) -> LoadedVersion:
        """Load a version that is not in memory, one at a time, so that memory stays bounded.

        Raises
        ------
        ModelNotFound
            There is no such version.
        VersionBroken
            It cannot be loaded.
        """
        with self._loading:
            loaded = self.find(model, version) or self._load_version(model, _number(model, version))
            if loaded is not self._live.get(model):
                self._remember(loaded)
        return loaded

    def refresh(self) -> None:
        """Read the registry once and swap in what is newer; a broken version is logged, counted and passed over."""
        for model in self._registry.models():
            self._refresh_model(model)

    def load_first(self) -> None:
        """Refresh once, before anybody asks; a registry that does not answer is left to `watch`."""
        try:
            self.refresh()
        except OSError:
            _log.exception("the registry does not answer; versions are loaded once it does")

    def watch(self, stopping: threading.Event, poll_seconds: float) -> None:
        """Refresh until ``stopping`` is set; a registry that does not answer is asked again at the next turn."""
        while not stopping.is_set():
            try:
                self.refresh()
            except OSError:
                _log.exception("the registry does not answer; the loaded versions go on serving")
            stopping.wait(poll_seconds)

    def _refresh_model(self, model: str) -> None:
        live = self._live.get(model)
        newer = self._registry.versions(model, above=0 if live is None else live.version)
        broken = self._broken[model] = self._broken.get(model, set()).intersection(newer)
        for number in sorted(set(newer) - broken, reverse=True):
            try:
                self._swap(self._load_version(model, number))
            except RegistryError as error:
                broken.add(number)
                self._metrics.load_failures.labels(model).inc()
                _log.error("model=%s version=%d is passed over: %s", model, number, error)
            except ModelNotFound:
                _log.info("model=%s version=%d was pruned while it was read", model, number)
            else:
                return

    def _swap(self, new: LoadedVersion) -> None:
        old = self._live.get(new.model)
        self._live[new.model] = new  # one store of one reference; requests in flight keep the old one
        self._metrics.active_version.labels(new.model).set(new.version)
        if old is not None:
            self._metrics.swaps.labels(new.model).inc()
            self._remember(old)
        _log.info("model=%s version=%d answers provider=%s", new.model, new.version, new.session.provider)

    def _load_version(self, model: str, version: int) -> LoadedVersion:
        started = time.perf_counter()
        model_bytes = self._registry.read_model(model, version)
        try:
            session = self._load(model_bytes)
            session.warm_up()
        except InvalidGraph as error:
            raise VersionBroken(model, version, error.fault) from error
        self._metrics.load_duration.observe(time.perf_counter() - started)
        return LoadedVersion(model, version, session)

    def _remember(self, older: LoadedVersion) -> None:
        key = (older.model, older.version)
        with self._older_access:
            self._older[key] = older
            self._older.move_to_end(key)
            while len(self._older) > self._keep_loaded:
                self._older.popitem(last=False)


def _number(model: str, version: str) -> int:
    if not (version.isascii() and version.isdecimal() and len(version) <= 18):  # noqa: PLR2004  (fits 64 bits)
        raise ModelNotFound(model, version)
    return int(version)
