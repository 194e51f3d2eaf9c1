"""How sure a labeller may be: the temperature that makes its probabilities true on pictures it has not learned."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from replay.label.label import Embeddings
from replay.label.open_clip_model import OpenClipModel
from replay.label.zero_shot_head import TEMPERATURE_FILE, zero_shot_head
from replay.teachers.tiny.augmentation import augmented, to_pixels, to_tensor
from replay.teachers.tiny.prompts import TEMPLATES, invented_word
from replay.teachers.tiny.recipe import Recipe
from stream.process.home import write_atomically
from stream.sources.datasets.orders import Labels
from stream.sources.datasets.teacher_part import LabelledPictures

_ROUNDS = 8
_OTHERS_PER_CLASS = 3
_HELD_OUT_EVERY = 10
_COLDEST, _WARMEST = 0.005, 1.0


def split_for_calibration(pictures: LabelledPictures) -> tuple[LabelledPictures, LabelledPictures]:
    """Return the pictures to learn, and every tenth of each class, held out."""
    order = np.argsort(pictures.labels, kind="stable")
    held_out = np.zeros(len(order), dtype=bool)
    held_out[order[::_HELD_OUT_EVERY]] = True
    return _those(pictures, ~held_out), _those(pictures, held_out)


def calibrate(
    folder: Path, held_out: LabelledPictures, words: Sequence[Sequence[str]], recipe: Recipe, seed: int
) -> None:
    """Write the temperature beside the model in ``folder``, for a vocabulary of three times as many other words."""
    draws = np.random.default_rng(seed)
    others = [invented_word(draws) for _ in range(_OTHERS_PER_CLASS * len(words))]
    model = OpenClipModel(str(folder), torch.device("cpu"))
    head = zero_shot_head(model, [*(names[0] for names in words), *others], TEMPLATES[:4], temperature=1.0)
    warps = torch.Generator().manual_seed(seed)
    images_BCHW = to_tensor(held_out.images, torch.device("cpu")).repeat(_ROUNDS, 1, 1, 1)
    embedded_ND = model.embed_images(list(to_pixels(augmented(images_BCHW, recipe.clip_warp, warps))))
    temperature = fitted_temperature(embedded_ND @ head.embeddings_VD.T, np.tile(held_out.labels, _ROUNDS))
    write_atomically(folder / TEMPERATURE_FILE, (json.dumps({"temperature": round(temperature, 5)}) + "\n").encode())


def fitted_temperature(cosines_NV: Embeddings, labels_N: Labels) -> float:
    """Return the temperature under which the labels are most likely.

    Examples
    --------
    >>> unsure = np.array([[0.1, 0.0], [0.1, 0.0], [0.1, 0.0], [0.1, 0.0]], np.float32)
    >>> round(fitted_temperature(unsure, np.array([0, 0, 0, 1])), 3)  # 0.75 = 1 / (1 + exp(-0.1 / t))
    0.091
    """

    def surprise(logarithm: float) -> float:
        shares_NV = log_softmax(cosines_NV / np.exp(logarithm), axis=1)
        return -float(shares_NV[np.arange(len(labels_N)), labels_N].mean())

    found = minimize_scalar(surprise, bounds=(np.log(_COLDEST), np.log(_WARMEST)), method="bounded")
    return float(np.exp(found.x))


def _those(pictures: LabelledPictures, chosen: npt.NDArray[np.bool_]) -> LabelledPictures:
    return LabelledPictures(pictures.name, pictures.images[chosen], pictures.labels[chosen], pictures.names)
