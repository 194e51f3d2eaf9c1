"""Zero-shot labels: the word of a vocabulary that fits an image best, or none.

Axes: N images, V words, D dimensions.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from replay.devices import device_named
from replay.errors import WeightsCorrupt
from replay.label.label import Embeddings, Label
from replay.label.open_clip_model import OpenClipModel
from replay.label.zero_shot_head import Head, check_vocabulary, temperature_of, zero_shot_head
from stream.image_codec import Pixels


class Labeller:
    """Gives images a word of a vocabulary, or abstains.

    Parameters
    ----------
    least_score
        A less probable word is not a label.
    batch_images
        Embedded at a time.
    """

    def __init__(self, model: OpenClipModel, head: Head, least_score: float = 0.5, batch_images: int = 256) -> None:
        self._model = model
        self._head = head
        self._least_score = least_score
        self._batch_images = batch_images

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary that labels are chosen from."""
        return self._head.words

    def embed(self, images: Sequence[Pixels]) -> Embeddings:
        """Return float32 [N, D] of length 1; images are uint8 [height, width, 3], of any sizes."""
        starts = range(0, len(images), self._batch_images)
        parts = [self._model.embed_images(images[start : start + self._batch_images]) for start in starts]
        return np.concatenate(parts) if parts else self._head.embeddings_VD[:0]

    def labels(self, images: Sequence[Pixels]) -> list[Label]:
        """Return a label for each image."""
        return self.labels_of(self.embed(images))

    def labels_of(self, embedded_ND: Embeddings) -> list[Label]:
        """Return a label for each image that `embed` has embedded."""
        shares_NV = softmax(embedded_ND @ self._head.embeddings_VD.T / self._head.temperature, axis=1)
        best_N = shares_NV.argmax(axis=1)
        return [self._label(shares_V, int(best)) for shares_V, best in zip(shares_NV, best_N, strict=True)]

    def _label(self, shares_V: npt.NDArray[np.float32], best: int) -> Label:
        score = float(shares_V[best])
        return Label(self._head.words[best] if score >= self._least_score else "", score)


def open_labeller(
    source: str,
    words: Sequence[str],
    templates: Sequence[str],
    device: str = "auto",
    least_score: float = 0.5,
    temperature: float = 0.0,
) -> Labeller:
    """Return a labeller over the model ``source``, with a temperature, or where it is 0 the one that lies beside it.

    Raises
    ------
    VocabularyRefused, WeightsMissing, WeightsCorrupt, DeviceMissing, DeviceMemoryFull
        As `zero_shot_head`, `replay.label.open_clip_model.OpenClipModel` and `replay.devices.device_named`.
    """
    check_vocabulary(words, templates)
    model = OpenClipModel(source, device_named(device))
    head = zero_shot_head(model, words, templates, temperature or temperature_of(source, model))
    labeller = Labeller(model, head, least_score)
    if not np.isfinite(labeller.embed([np.full((32, 32, 3), 128, np.uint8)]) @ head.embeddings_VD.T).all():
        message = f"the numbers of {source} are infinite or none; fetch or train it anew"
        raise WeightsCorrupt(message)
    return labeller
