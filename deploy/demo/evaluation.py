"""The demo's evaluation: each task's last version is asked over HTTP.

The map from classes to labels is fitted on stream images and applied to images that nobody has seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import normalized_mutual_info_score

from deploy.cli.client import Client
from deploy.evaluate.continual_metrics import (
    accuracy,
    accuracy_matrix,
    fit_cluster_map,
    knowledge_retention,
    task_ends,
)
from stream.image_codec import encode_png
from stream.messages.task_plan import TaskPlan
from stream.sources.datasets.packs import Pack

Classes = NDArray[np.int64]
Progress = Callable[[int], None]
"""Called with how many images were answered."""


@dataclass(frozen=True)
class EvaluationResult:
    """How one model did: R, ACC on unseen images, the share of them called rightly, knowledge retention, NMI."""

    matrix: NDArray[np.float64]
    acc: float
    named_acc: float
    knowledge_retention: float
    normalized_mutual_info: float


def version_at(versions: Sequence[int], plans: Sequence[TaskPlan], frames: int) -> int | None:
    """Return the newest version that had seen at most ``frames`` frames; None where there was none yet."""
    seen, found = 0, None
    for plan in plans:
        seen += sum(range_.stop - range_.start for range_ in plan.frames.values())
        if seen <= frames and plan.task_seq in versions:
            found = plan.task_seq
    return found


@dataclass(frozen=True)
class Evaluation:
    """The stream in its order and the unseen images, with their labels and tasks."""

    pack: Pack
    order: Sequence[int]
    """Indices into the pack's stream."""
    order_tasks: Sequence[int]
    """The task of each of them; tasks follow each other."""
    test_tasks: Sequence[int]
    """The task of each unseen image."""

    @property
    def task_ends(self) -> list[int]:
        """How many frames are over at the end of each task."""
        return task_ends(self.order_tasks)

    def image_count(self) -> int:
        """Return how many images `run` asks about."""
        ends, test_tasks = self.task_ends, np.asarray(self.test_tasks)
        return sum(end + int((test_tasks <= task).sum()) for task, end in enumerate(ends))

    def run(
        self, client: Client, model: str, versions: Mapping[int, int | None], progress: Progress
    ) -> EvaluationResult:
        """Ask the version of each task about the stream until then and about the unseen images of the tasks until then.

        Parameters
        ----------
        versions
            By task; None where nothing was served yet, which counts as knowing nothing.
        """
        stream = [encode_png(self.pack.stream_images[index]) for index in self.order]
        labels, truth = self.pack.stream_labels[np.asarray(self.order)], self.pack.test_labels
        unseen = [encode_png(image) for image in self.pack.test_images]
        test_tasks = np.asarray(self.test_tasks)
        answers: list[tuple[Classes, Classes] | None] = []
        names: list[str] = []
        for task, end in enumerate(self.task_ends):
            version = versions[task]
            if version is None:
                answers.append(None)
                continue
            asked = [unseen[index] for index in np.flatnonzero(test_tasks <= task)]
            seen, _ = _answers(client, model, stream[:end], version, progress)
            found, names = _answers(client, model, asked, version, progress)
            answers.append((seen, found))
        matrix = accuracy_matrix(answers, labels, truth, test_tasks)
        if answers[-1] is None:
            return EvaluationResult(matrix, 0.0, 0.0, 0.0, 0.0)
        seen, found = answers[-1]
        acc = accuracy(fit_cluster_map(seen, labels), found, truth)
        named = [name == self.pack.names[label] for name, label in zip(names, truth, strict=True)]
        nmi = float(normalized_mutual_info_score(truth, found))
        return EvaluationResult(matrix, acc, float(np.mean(named)), knowledge_retention(matrix), nmi)


def _answers(
    client: Client, model: str, images: Sequence[bytes], version: int, progress: Progress
) -> tuple[Classes, list[str]]:
    """Return class and name of each image."""
    classes, names = [], []
    for answer in client.ask_all(model, images, "image/png", version):
        classes.append(answer.class_id)
        names.append(answer.name)
        progress(1)
    return np.asarray(classes, dtype=np.int64), names
