"""From a served module to a checked ``model.onnx``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from deploy.publish.errors import CandidateRefused
from deploy.publish.gates import check_candidate
from deploy.publish.graph_template import GraphTemplate
from deploy.publish.served_graph import ServedGraph, export_template, run_module
from deploy.publish.template_cache import TemplateCache
from deploy.serving.errors import InvalidGraph


@dataclass(frozen=True)
class Candidate:
    """What was exported and what the gates said: ``difference`` where they let it through, ``refusal`` where not."""

    model_bytes: bytes
    difference: float | None
    refusal: CandidateRefused | None


class CandidateExporter:
    """Fills the structure's template; exports anew only where there is none, or where the one there does not hold.

    Parameters
    ----------
    templates
        Kept from one version to the next.
    tolerance
        Of the parity gate.
    count_export
        Called at each whole export, which takes seconds.
    """

    def __init__(self, templates: TemplateCache, tolerance: float, count_export: Callable[[], None]) -> None:
        self._templates = templates
        self._tolerance = tolerance
        self._count_export = count_export
        self._trusted = ""
        """The structure whose template was exported, or let a candidate through, in this process."""

    def export(self, served: ServedGraph) -> Candidate:
        """Export and check; the template of an earlier release is renewed once before its candidate is refused."""
        candidate = self._fill(served, self._templates.get(served.structure, partial(self._export, served)))
        if candidate.refusal is not None and self._trusted != served.structure:
            candidate = self._fill(served, self._templates.renew(served.structure, partial(self._export, served)))
        if candidate.refusal is None:
            self._trusted = served.structure
        return candidate

    def _fill(self, served: ServedGraph, template: GraphTemplate) -> Candidate:
        try:
            model_bytes = template.filled(served.values, served.table.names_K)
        except InvalidGraph as error:
            refusal = CandidateRefused(str(error), reason="invalid_graph", evidence={"cause": error.fault})
            return Candidate(b"", None, refusal)
        try:
            report = check_candidate(model_bytes, partial(run_module, served), self._tolerance)
        except CandidateRefused as refusal:
            return Candidate(model_bytes, None, refusal)
        return Candidate(model_bytes, report.difference, None)

    def _export(self, served: ServedGraph) -> GraphTemplate:
        self._count_export()
        template = export_template(served)
        self._trusted = served.structure
        return template
