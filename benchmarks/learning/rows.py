"""The rows of the learning table: each a function from (pack, seed, settings) to figures, all on the same stream.

``r2r``, ``no_rehearsal`` and ``finetune`` see the stream once, in order, without boundaries. ``iid`` and
``pixels_kmeans`` are no continual learners: they see all of it at once and are told the number of classes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from threadpoolctl import threadpool_limits

from benchmarks.learning.in_process import Run, as_it_is, log_of, prepare_all, run_stream
from benchmarks.learning.representation import linear_probe, nearest_neighbours
from deploy.evaluate import continual_metrics as metrics
from learner.methods import preprocessing_of
from learner.model.clusters.grouping import Bounds
from learner.model.clusters.model import ClusterModel
from learner.model.clusters.update import update
from learner.model.contract import Model, UpdateInputs, live_ids, score_images
from learner.settings import LearnerSettings
from learner.state import LearnerState
from stream.sources.datasets.orders import tasks_of
from stream.sources.datasets.packs import Pack

_PARTITIONS = 3
_IID_EPOCHS = 14
Clusters = NDArray[np.int64]
Figures = dict[str, object]


@dataclass(frozen=True)
class Exam:
    """The stream in its order, and the unseen images, prepared for one network size."""

    pack: Pack
    order: Sequence[int]
    classes_per_task: int
    settings: LearnerSettings
    has_tasks: bool = True
    """Whether the order has tasks that follow each other; without them there is nothing to retain."""

    @property
    def stream(self) -> torch.Tensor:
        """Stream images in their order, [N, 3, S, S]."""
        return prepare_all(self.pack.stream_images[np.asarray(self.order)], self.settings)

    @property
    def stream_labels(self) -> Clusters:
        """Labels in the stream's order."""
        labels: Clusters = self.pack.stream_labels[np.asarray(self.order)]
        return labels


def r2r(exam: Exam, adjust: Callable[[LearnerState], LearnerState] = as_it_is) -> Figures:
    """Return the learner's figures, with recall as the settings say; ``adjust`` as of `run_stream`."""
    log = log_of(exam.pack, exam.order, _PARTITIONS)
    run = run_stream(log, len(exam.order), exam.settings, adjust)
    final = run.state.model
    figures = _judge(exam, final) if final.traits.has_learned else {"acc": 0.0}
    figures |= _retention(exam, run) if exam.has_tasks else {}
    return figures | {
        "images_backpropagated": run.state.progress.images_backpropagated,
        "memory_bytes": _model_bytes(final) + exam.settings.window_frames * _image_bytes(exam.settings),
        "seconds": run.seconds,
    }


def no_rehearsal(exam: Exam) -> Figures:
    """Return the figures of the same learner with recall off."""
    settings = exam.settings.model_copy(update={"recall": False})
    return r2r(replace(exam, settings=settings))


def finetune(exam: Exam) -> Figures:
    """Return the figures of the same learner without any memory: no recall, and no statistics of earlier windows.

    It goes on from its network and its clusters' means, and fits both to the window alone.
    """
    settings = exam.settings.model_copy(update={"recall": False})
    return r2r(replace(exam, settings=settings), _without_statistics)


def _without_statistics(state: LearnerState) -> LearnerState:
    model = state.model
    if not isinstance(model, ClusterModel):
        return state
    mixture = replace(model.mixture, counts_K=torch.zeros_like(model.mixture.counts_K), frames=0.0)
    return replace(state, model=replace(model, mixture=mixture))


def iid(exam: Exam) -> Figures:
    """Return the figures of one update on the whole stream at once, with the number of classes given.

    As many epochs as back-propagate about as many images as ``r2r`` on digits: 14 x 800 = 11,200 against about 11,120.
    """
    started = time.perf_counter()
    settings, classes = exam.settings, len(exam.pack.names)
    changed = {
        "autoencoder": settings.autoencoder.model_copy(update={"epochs": _IID_EPOCHS}),
        "clusters": settings.clusters.model_copy(update={"merge_distance": 0.0}),
    }
    nothing = ClusterModel.new(settings.model_copy(update=changed))
    stream = exam.stream
    generator = torch.Generator().manual_seed(settings.seed)
    bounds = Bounds(classes, classes, settings.clusters.cluster_frames)
    model, report = update(nothing, UpdateInputs.alone(stream), generator, bounds=bounds)
    return _judge(exam, model) | {
        "images_backpropagated": report.images_backpropagated,
        "memory_bytes": _model_bytes(model) + len(stream) * _image_bytes(settings),
        "seconds": time.perf_counter() - started,
    }


def pixels_kmeans(exam: Exam) -> Figures:
    """Return the figures of k-means on the raw pixels of the whole stream, with the number of classes given."""
    started = time.perf_counter()
    stream = exam.stream.flatten(1).numpy()
    test = prepare_all(exam.pack.test_images, exam.settings).flatten(1).numpy()
    with threadpool_limits(1):
        means = KMeans(len(exam.pack.names), n_init=10, random_state=exam.settings.seed).fit(stream)
    clusters = means.labels_.astype(np.int64), means.predict(test).astype(np.int64)
    return _figures(exam, clusters, (stream, test)) | {
        "images_backpropagated": 0,
        "memory_bytes": int(means.cluster_centers_.nbytes + stream.nbytes),
        "seconds": time.perf_counter() - started,
    }


def _retention(exam: Exam, run: Run) -> Figures:
    """Return what compares the models at the ends of the tasks."""
    stream, test = exam.stream, prepare_all(exam.pack.test_images, exam.settings)
    stream_tasks = np.asarray(tasks_of(exam.pack.stream_labels, exam.classes_per_task))[np.asarray(exam.order)]
    test_tasks = np.asarray(tasks_of(exam.pack.test_labels, exam.classes_per_task))
    ends = metrics.task_ends(stream_tasks.tolist())
    answers: list[tuple[Clusters, Clusters] | None] = []
    for task, end in enumerate(ends):
        model = run.model_at(end) if task < len(ends) - 1 else run.state.model
        if model is None or not model.traits.has_learned:
            answers.append(None)
        else:
            answers.append((_clusters(model, stream[:end]), _clusters(model, test[test_tasks <= task])))
    matrix = metrics.accuracy_matrix(answers, exam.stream_labels, exam.pack.test_labels, test_tasks)
    return {
        "matrix": matrix.tolist(),
        "average_acc": metrics.average_accuracy(matrix),
        "knowledge_retention": metrics.knowledge_retention(matrix),
        "bwt": metrics.backward_transfer(matrix),
        "forgetting": metrics.forgetting(matrix),
    }


def _judge(exam: Exam, model: Model) -> Figures:
    stream, test = exam.stream, prepare_all(exam.pack.test_images, exam.settings)
    clusters = _clusters(model, stream), _clusters(model, test)
    features = tuple(model.encoder.embed(images).numpy() for images in (stream, test))
    return _figures(exam, clusters, (features[0], features[1])) | {"live_clusters": len(live_ids(model))}


def _figures(
    exam: Exam, clusters: tuple[Clusters, Clusters], features: tuple[NDArray[np.floating], NDArray[np.floating]]
) -> Figures:
    """Return what every row has, of (stream, test) clusters and features."""
    labels, test_labels = exam.stream_labels, exam.pack.test_labels
    cluster_map = metrics.fit_cluster_map(clusters[0], labels)
    return {
        "acc": metrics.accuracy(cluster_map, clusters[1], test_labels),
        "nmi": float(normalized_mutual_info_score(test_labels, clusters[1])),
        "ari": float(adjusted_rand_score(test_labels, clusters[1])),
        "linear_probe": linear_probe(features[0], labels, features[1], test_labels),
        "knn": nearest_neighbours(features[0], labels, features[1], test_labels),
        "live_clusters": len(np.unique(clusters[0])),
    }


def _clusters(model: Model, images: torch.Tensor) -> Clusters:
    ids: Clusters = model.ids_K[score_images(model, images).slots_N].numpy()
    return ids


def _model_bytes(model: Model) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in model.save().tensors.values())


def _image_bytes(settings: LearnerSettings) -> int:
    return 3 * preprocessing_of(settings).input_size ** 2 * 4
