"""The zero-shot head of a labeller: each word as the mean of its prompts' embeddings.

Zero-shot classification of CLIP (Radford et al., 2021): an image has the probability softmax(cosines / temperature)
of each word.

Axes: V words, T templates, D dimensions.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from replay.errors import VocabularyRefused, WeightsCorrupt
from replay.label.label import Embeddings
from replay.label.open_clip_model import OpenClipModel

TEMPERATURE_FILE = "temperature.json"
"""Beside a calibrated model: ``{"temperature": 0.03}``."""
_FEWEST_WORDS = 2
_TEXTS_AT_ONCE = 512

_log = logging.getLogger(__name__)


class Calibration(BaseModel):
    """The content of `TEMPERATURE_FILE`."""

    temperature: float = Field(gt=0, allow_inf_nan=False)


@dataclass(frozen=True)
class Head:
    """The words of a labeller, embedded.

    Parameters
    ----------
    words
        Two or more: the classes among many words that are none.
    embeddings_VD
        float32, of length 1.
    temperature
        The divisor of the cosines.
    """

    words: tuple[str, ...]
    embeddings_VD: Embeddings
    temperature: float


def zero_shot_head(model: OpenClipModel, words: Sequence[str], templates: Sequence[str], temperature: float) -> Head:
    """Return a head of the words, each the mean of its prompts' embeddings; ``{}`` stands for it in a template."""
    different = tuple(dict.fromkeys(words))
    at_once = max(1, _TEXTS_AT_ONCE // len(templates))
    groups = [different[start : start + at_once] for start in range(0, len(different), at_once)]
    _log.info("embedding %d words in %d prompts each", len(different), len(templates))
    means_VD = np.concatenate([_means(model, group, templates) for group in groups])
    return Head(different, means_VD / np.linalg.norm(means_VD, axis=1, keepdims=True), temperature)


def _means(model: OpenClipModel, words: Sequence[str], templates: Sequence[str]) -> Embeddings:
    embedded_ND = model.embed_texts([template.replace("{}", word) for word in words for template in templates])
    means_VD: Embeddings = embedded_ND.reshape(len(words), len(templates), -1).mean(axis=1)
    return means_VD


def check_vocabulary(words: Sequence[str], templates: Sequence[str]) -> None:
    """Refuse a vocabulary without a choice.

    Raises
    ------
    VocabularyRefused
        Fewer than two different words, or no template.
    """
    different = len(set(words))
    if different < _FEWEST_WORDS or not templates:
        message = (
            f"a labeller needs two words and one template at least, and {different} words and {len(templates)} "
            "templates came; add words, three times as many as you expect to be true"
        )
        raise VocabularyRefused(message)


def temperature_of(source: str, model: OpenClipModel) -> float:
    """Return the temperature that lies in the folder ``source``, or else the model's own."""
    file = Path(source).expanduser() / TEMPERATURE_FILE
    if not file.is_file():
        return 1.0 / model.scale
    try:
        return Calibration.model_validate_json(file.read_bytes()).temperature
    except ValidationError as error:
        cause = error.errors()[0]["msg"]
        message = f'{file} must hold {{"temperature": a number above 0}} ({cause}); delete it to use the model\'s own'
        raise WeightsCorrupt(message) from error
