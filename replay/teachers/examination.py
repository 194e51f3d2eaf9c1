"""How good a pair of teachers is, on pictures that neither has seen.

The classifiers are support vector machines on pixels: good enough for digits, too weak for photographs, whose figures
then measure the classifier more than the teachers.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from replay.generate.text_to_image import PipelineOptions, open_text_to_image
from replay.label.labeller import open_labeller
from replay.subject import Subject
from stream.image_codec import Pixels
from stream.sources.datasets.orders import Labels
from stream.sources.datasets.teacher_part import LabelledPictures

_WORDS = (
    "eleven twelve seventeen hundred dozen letter circle square cross line star arrow cat dog horse frog bird deer "
    "ship truck airplane house tree flower river mountain shoe hat glove apple bottle clock lamp chair table window"
)
DISTRACTORS = tuple(_WORDS.split())
"""Words that are true of no picture; none of them was learned."""
TEMPLATES = ("a photo of the digit {}", "a handwritten {}", "a photo of the number {}")
_PER_CLASS = 60
_MOST_TRAINED = 4000  # pictures: a support vector machine takes the square of it


@dataclass(frozen=True)
class Figures:
    """What `examine` measured; shares of 1, but for the rate.

    Parameters
    ----------
    labelled
        Unseen real pictures that the labeller names rightly among the classes' names and `DISTRACTORS`.
    abstained
        Of them those that it gives no name.
    recognised
        Generated pictures that a classifier gives their class; it learned from unseen real ones.
    learned_from
        Unseen real pictures that a classifier names rightly which learned from generated ones alone.
    novelty
        Mean distance of a generated picture to the nearest of the teachers', over that of an unseen real one.
    images_per_second
        Of the generator, on the device of the examination.
    """

    labelled: float
    abstained: float
    recognised: float
    learned_from: float
    novelty: float
    images_per_second: float


def examine(
    folder: Path, seen: LabelledPictures, unseen: tuple[LabelledPictures, LabelledPictures], device: str = "auto"
) -> Figures:
    """Examine the pair in ``folder``, whose teachers have ``seen``, on pictures to stream and pictures to test on."""
    images = np.concatenate([part.images for part in unseen])
    labels = np.concatenate([part.labels for part in unseen])
    labelled, abstained = _labelling(folder, (images, labels), seen.names, device)
    (generated, asked), rate = _generated_pictures(folder, seen.names, device)
    classifier = _classifier(unseen[0].images[:_MOST_TRAINED], unseen[0].labels[:_MOST_TRAINED])
    student = _classifier(generated, asked)
    return Figures(
        labelled,
        abstained,
        float((classifier.predict(_flat(generated)) == asked).mean()),
        float((student.predict(_flat(images)) == labels).mean()),
        _nearest(generated, seen.images) / _nearest(unseen[1].images, seen.images),
        rate,
    )


def _labelling(folder: Path, unseen: tuple[Pixels, Labels], names: tuple[str, ...], device: str) -> tuple[float, float]:
    labeller = open_labeller(str(folder.absolute() / "labeller"), [*names, *DISTRACTORS], TEMPLATES, device)
    given = [label.name for label in labeller.labels(list(unseen[0]))]
    right = [name == names[label] for name, label in zip(given, unseen[1], strict=True)]
    return float(np.mean(right)), float(np.mean([not name for name in given]))


def _generated_pictures(folder: Path, names: tuple[str, ...], device: str) -> tuple[tuple[Pixels, Labels], float]:
    """Return `_PER_CLASS` pictures of each class with their labels, and how many were generated in a second."""
    generator = open_text_to_image(
        str(folder.absolute() / "generator"), PipelineOptions(TEMPLATES, batch_images=_PER_CLASS), device
    )
    generator.generate(Subject(names[0], []), [0])
    start = time.perf_counter()
    generated = [
        image
        for label, name in enumerate(names)
        for image in generator.generate(Subject(name, []), range(label * _PER_CLASS, (label + 1) * _PER_CLASS))
        if image is not None
    ]
    rate = len(generated) / (time.perf_counter() - start)
    return (np.stack(generated), np.repeat(np.arange(len(names)), _PER_CLASS)), rate


def _classifier(images: Pixels, labels: Labels) -> Any:
    from sklearn.svm import SVC  # noqa: PLC0415  a second to import

    return SVC(C=10.0, gamma="scale").fit(_flat(images), labels)


def _nearest(images: Pixels, others: Pixels) -> float:
    """Return the mean Euclidean distance of each image to the nearest of the others."""
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415  a second to import

    distances, _ = NearestNeighbors(n_neighbors=1).fit(_flat(others)).kneighbors(_flat(images))
    return float(distances.mean())


def _flat(images: Pixels) -> npt.NDArray[np.float32]:
    return np.divide(images.reshape(len(images), -1), 255, dtype=np.float32)
