"""The versions of a model as a person sees them: which one answers, which is pinned, whose content is whose."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table

from deploy.publish.promotion_state import PromotionStateFile
from deploy.registry.errors import ModelNotFound, RegistryError
from deploy.registry.manifest import Manifest
from deploy.registry.versions import Registry

_SHA_CHARACTERS = 8


@dataclass(frozen=True)
class ListedVersion:
    """One version; ``manifest`` is None where it is broken, and nobody serves it."""

    version: int
    manifest: Manifest | None
    live: bool
    pinned: bool

    @property
    def state(self) -> str:
        """The state in words."""
        if self.manifest is None:
            return "broken"
        source = self.manifest.rolled_back_from
        marks = ["live"] * self.live + ["pinned"] * self.pinned + [f"content of {source}"] * (source is not None)
        return ", ".join(marks)

    def facts(self) -> dict[str, Any]:
        """Return the content of ``--json``."""
        known = {} if self.manifest is None else asdict(self.manifest)
        return {**known, "version": self.version, "live": self.live, "pinned": self.pinned, "state": self.state}


def list_versions(root: str, model: str) -> list[ListedVersion]:
    """Read the registry at ``root``; newest first.

    Raises
    ------
    RegistryError
        The pin cannot be read.
    """
    registry = Registry(root)
    found = {version: _manifest(registry, model, version) for version in registry.versions(model)}
    live = max((version for version, manifest in found.items() if manifest is not None), default=None)
    pinned = PromotionStateFile(root, model).load().pinned
    return [
        ListedVersion(version, manifest, version == live, version == pinned)
        for version, manifest in sorted(found.items(), reverse=True)
    ]


def version_table(versions: list[ListedVersion]) -> Table:
    """Lay the versions out in rows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("version", "time (UTC)", "sha256", "clusters", "updates", "state"):
        numbers = column in ("version", "clusters", "updates")
        table.add_column(column, justify="right" if numbers else "left", no_wrap=column != "state")
    for listed in versions:
        manifest = listed.manifest
        if manifest is None:
            table.add_row(str(listed.version), "", "", "", "", listed.state)
            continue
        moment = datetime.fromtimestamp(manifest.created_at_ms / 1000, UTC)
        figures = [f"{manifest.metrics.get(key, 0):.0f}" for key in ("live_clusters", "updates")]
        sha = manifest.sha256[:_SHA_CHARACTERS]
        table.add_row(str(listed.version), f"{moment:%m-%d %H:%M:%S}", sha, *figures, listed.state)
    return table


def _manifest(registry: Registry, model: str, version: int) -> Manifest | None:
    try:
        return registry.manifest(model, version)
    except (RegistryError, ModelNotFound):
        return None
