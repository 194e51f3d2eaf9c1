"""Templates by structure: in memory, and in a folder so that a restarted publisher needs no export."""

from collections.abc import Callable
from pathlib import Path

from deploy.publish.graph_template import GraphTemplate
from deploy.serving.errors import InvalidGraph
from stream.process.home import write_atomically


class TemplateCache:
    """Holds the template used last; older ones are only in the folder.

    Parameters
    ----------
    folder
        Made at the first export.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[str, GraphTemplate] | None = None

    def get(self, structure: str, export: Callable[[], GraphTemplate]) -> GraphTemplate:
        """Return the template of a structure; ``export`` makes it where there is none yet."""
        if self._held is not None and self._held[0] == structure:
            return self._held[1]
        template = self._stored(structure)
        if template is None:
            return self.renew(structure, export)
        self._held = (structure, template)
        return template

    def renew(self, structure: str, export: Callable[[], GraphTemplate]) -> GraphTemplate:
        """Export, whatever is held or stored, and keep that instead."""
        template = export()
        write_atomically(self._file(structure), template.to_bytes())
        self._held = (structure, template)
        return template

    def _stored(self, structure: str) -> GraphTemplate | None:
        try:
            return GraphTemplate.from_bytes(self._file(structure).read_bytes())
        except (FileNotFoundError, InvalidGraph):  # what cannot be read is exported again
            return None

    def _file(self, structure: str) -> Path:
        return self._folder / f"{structure}.onnx"
