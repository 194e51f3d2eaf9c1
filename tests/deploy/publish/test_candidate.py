"""Export and check: one export for each structure, renewed where a stored template does not hold."""

from pathlib import Path

import onnx
import pytest

from deploy.publish.candidate import CandidateExporter
from deploy.publish.graph_template import GraphTemplate
from deploy.publish.served_graph import served_graph
from deploy.publish.template_cache import TemplateCache
from deploy.serving.errors import InvalidGraph
from tests.deploy.small_state import cluster_model, small_state


class Exports:
    """Counts whole exports."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def _stale(template: GraphTemplate) -> GraphTemplate:
    """Return a template as an earlier release may have left it: the same initializers, another computation."""
    model = onnx.load_from_string(template.to_bytes())
    next(node for node in model.graph.node if node.op_type == "Softmax").op_type = "LogSoftmax"
    return GraphTemplate.from_bytes(model.SerializeToString())


def test_versions_of_one_structure_need_no_export_once_there_is_a_template(templates: TemplateCache) -> None:
    exports = Exports()
    exporter = CandidateExporter(templates, 1e-4, exports)
    for seed in (1, 2, 3):
        candidate = exporter.export(served_graph(small_state(seed)))
        assert candidate.refusal is None
        assert candidate.difference is not None
    assert exports.count == 0


def test_a_restarted_publisher_finds_the_template_in_its_folder(template: GraphTemplate, tmp_path: Path) -> None:
    structure = served_graph(small_state(seed=1)).structure
    TemplateCache(tmp_path).renew(structure, lambda: template)

    def no_export() -> GraphTemplate:
        pytest.fail("exported although the folder has the template")

    assert TemplateCache(tmp_path).get(structure, no_export).to_bytes() == template.to_bytes()


def test_a_torn_template_is_exported_again(template: GraphTemplate, tmp_path: Path) -> None:
    (tmp_path / "abc.onnx").write_bytes(template.to_bytes()[:1000])
    assert TemplateCache(tmp_path).get("abc", lambda: template) is template
    assert TemplateCache(tmp_path).get("abc", lambda: template).to_bytes() == template.to_bytes()


def test_a_stale_template_is_renewed_before_a_candidate_is_refused(template: GraphTemplate, tmp_path: Path) -> None:
    served = served_graph(small_state(seed=1))
    templates = TemplateCache(tmp_path)
    templates.renew(served.structure, lambda: _stale(template))
    exports = Exports()
    candidate = CandidateExporter(templates, 1e-4, exports).export(served)
    assert candidate.refusal is None
    assert exports.count == 1


def test_a_candidate_that_fails_with_a_proven_template_is_refused_without_an_export(templates: TemplateCache) -> None:
    exports = Exports()
    exporter = CandidateExporter(templates, 1e-4, exports)
    exporter.export(served_graph(small_state(seed=1)))
    broken = small_state(seed=2)
    cluster_model(broken).encoder.network.encoder[0].weight.data[:] = float("nan")
    candidate = exporter.export(served_graph(broken))
    assert candidate.refusal is not None
    assert candidate.refusal.reason == "not_finite"
    assert candidate.model_bytes
    assert exports.count == 0


def test_an_initializer_without_a_value_is_told(template: GraphTemplate) -> None:
    with pytest.raises(InvalidGraph, match="is not one of the model's values"):
        template.filled({}, ["a"] * 12)
