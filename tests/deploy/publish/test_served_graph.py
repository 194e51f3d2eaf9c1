"""The exported graph: as PyTorch, whatever the size; new values without a new export."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from deploy.publish.errors import NoLiveCluster
from deploy.publish.gates import check_candidate, probe_images
from deploy.publish.graph_template import GraphTemplate
from deploy.publish.served_graph import ServedGraph, export_template, run_module, served_graph
from deploy.serving.errors import InvalidGraph
from deploy.serving.inference_session import InferenceSession
from learner.memory.names import Names
from learner.model.clusters.mixture import TiedMixture
from learner.settings import LearnerSettings
from learner.state import LearnerState
from tests.deploy.small_state import SETTINGS, cluster_model, small_state

TOLERANCE = 1e-4


def _settings_with(**changes: object) -> LearnerSettings:
    """Return the small settings with another encoder."""
    return SETTINGS.model_copy(update={"autoencoder": SETTINGS.autoencoder.model_copy(update=changes)})


def _model(template: GraphTemplate, served: ServedGraph) -> bytes:
    return template.filled(served.values, served.table.names_K)


@pytest.mark.parametrize("clusters", [1, 3, 7, 12])
def test_new_values_in_an_old_template_answer_as_pytorch_does(template: GraphTemplate, clusters: int) -> None:
    served = served_graph(small_state(seed=clusters, clusters=clusters))
    report = check_candidate(_model(template, served), lambda images: run_module(served, images), TOLERANCE)
    assert report.difference <= TOLERANCE
    assert report.probes == sum(len(images) for images in probe_images())


def test_a_new_version_has_the_same_graph_with_other_initializers(template: GraphTemplate) -> None:
    first, second = (onnx.load_from_string(_model(template, served_graph(small_state(seed=seed)))) for seed in (1, 2))
    assert first.graph.node == second.graph.node
    assert [(i.name, i.dims) for i in first.graph.initializer] == [(i.name, i.dims) for i in second.graph.initializer]
    assert first.graph.initializer != second.graph.initializer


def test_filling_the_same_values_gives_the_same_bytes(template: GraphTemplate) -> None:
    assert _model(template, served_graph(small_state(seed=3))) == _model(template, served_graph(small_state(seed=3)))


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (480, 640)])
def test_images_of_any_size_are_answered(template: GraphTemplate, size: tuple[int, int]) -> None:
    served = served_graph(small_state(seed=1))
    images = np.random.default_rng(0).integers(0, 256, (1, *size, 3), dtype=np.uint8)
    answer = InferenceSession.load(_model(template, served), "cpu", threads=1).run(images)
    np.testing.assert_allclose(
        answer.top_probabilities, run_module(served, images)["top_probabilities"], atol=TOLERANCE
    )


def _named(seed: int, names: dict[int, str]) -> LearnerState:
    return replace(small_state(seed), names=Names(names))


def test_clusters_of_one_name_are_one_class_with_their_probabilities_summed(template: GraphTemplate) -> None:
    images = next(probe_images())
    sessions = [
        InferenceSession.load(_model(template, served_graph(state)), "cpu", threads=1)
        for state in (_named(1, {}), _named(1, {2: "cat", 5: "cat"}))
    ]
    apart, together = (session.run(images) for session in sessions)
    for image in range(len(images)):
        before = dict(zip(apart.top_ids[image].tolist(), apart.top_probabilities[image].tolist(), strict=True))
        after = dict(zip(together.top_ids[image].tolist(), together.top_probabilities[image].tolist(), strict=True))
        assert 5 not in after
        if 2 in before and 5 in before and 2 in after:
            assert after[2] == pytest.approx(before[2] + before[5], abs=1e-5)
        assert together.name[image] == (
            "cat" if together.class_id[image] == 2 else f"cluster-{together.class_id[image]}"
        )
    assert "cat" in {name for names in together.top_names.tolist() for name in names}


def test_with_fewer_than_five_classes_the_rest_is_empty(template: GraphTemplate) -> None:
    model = _model(template, served_graph(small_state(seed=1, clusters=2)))
    answer = InferenceSession.load(model, "cpu", threads=1).run(next(probe_images()))
    assert set(answer.top_ids[:, :2].ravel().tolist()) == {0, 1}
    assert (answer.top_ids[:, 2:] == -1).all()
    assert (answer.top_names[:, 2:] == "").all()
    assert (answer.top_probabilities[:, 2:] == 0).all()
    np.testing.assert_allclose(answer.top_probabilities.sum(1), 1, atol=1e-5)


def test_a_class_of_probability_0_still_ranks_before_dead_slots(template: GraphTemplate) -> None:
    state = small_state(seed=1, clusters=5)
    model = cluster_model(state)
    means = model.mixture.means_KD.clone()
    means[:4] += 1e3
    moved = replace(model.mixture, means_KD=means)
    state = replace(state, model=replace(model, mixture=moved))
    answer = InferenceSession.load(_model(template, served_graph(state)), "cpu", threads=1).run(next(probe_images()))
    assert (np.sort(answer.top_ids, axis=1) == np.arange(5)).all()


def test_a_published_file_stands_alone_and_names_no_machine(template: GraphTemplate) -> None:
    model_bytes = _model(template, served_graph(small_state(seed=1)))
    onnx.checker.check_model(model_bytes, full_check=True)
    model = onnx.load_from_string(model_bytes)
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert b"learner/" not in model_bytes
    assert b".py" not in model_bytes


def test_a_template_is_read_back(template: GraphTemplate) -> None:
    served = served_graph(small_state(seed=4))
    assert _model(GraphTemplate.from_bytes(template.to_bytes()), served) == _model(template, served)
    with pytest.raises(InvalidGraph, match="cannot be read"):
        GraphTemplate.from_bytes(b"torn")


def test_another_structure_is_told_apart_and_does_not_fill_the_template(template: GraphTemplate) -> None:
    here = served_graph(small_state(seed=1))
    for settings in (
        _settings_with(channels=(16, 8, 8)),
        SETTINGS.model_copy(update={"clusters": SETTINGS.clusters.model_copy(update={"max_clusters": 16})}),
    ):
        other = served_graph(small_state(seed=1, settings=settings))
        assert other.structure != here.structure
        with pytest.raises(InvalidGraph, match="initializer"):
            _model(template, other)
    cropped = served_graph(small_state(seed=1, settings=_settings_with(aspect="crop")))
    assert cropped.structure != here.structure


def test_the_middle_square_is_cropped_as_pytorch_does() -> None:
    served = served_graph(small_state(seed=1, settings=_settings_with(aspect="crop")))
    model_bytes = _model(export_template(served), served)
    assert check_candidate(model_bytes, lambda images: run_module(served, images), TOLERANCE).difference <= TOLERANCE


def test_without_an_update_or_a_live_cluster_there_is_nothing_to_serve() -> None:
    with pytest.raises(NoLiveCluster, match="no live cluster"):
        served_graph(LearnerState.new(SETTINGS))
    state = small_state(seed=1)
    empty = TiedMixture.empty(SETTINGS.clusters.max_clusters, SETTINGS.clusters.projection_dimensions)
    with pytest.raises(NoLiveCluster):
        served_graph(replace(state, model=replace(cluster_model(state), mixture=empty)))
