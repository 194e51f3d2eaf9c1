"""From labelled pictures to a folder with a labeller and a generator."""

import shutil
from pathlib import Path

import numpy as np

from replay.teachers.calibration import calibrate, split_for_calibration
from replay.teachers.model_card import save_card
from replay.teachers.tiny.clip import train_clip
from replay.teachers.tiny.diffusion import train_text_to_image
from replay.teachers.tiny.prompts import SYNONYMS, words_of
from replay.teachers.tiny.recipe import Recipe
from stream.process.errors import InvalidSetting
from stream.sources.datasets.teacher_part import LabelledPictures

_FEWEST_CLASSES = 2
_LONGEST_NAME = 64
_SIDE = 8


def train_teachers(pictures: LabelledPictures, recipe: Recipe, out: Path, seed: int, device: str) -> None:
    """Write ``out/labeller``, ``out/generator`` and a model card: 1 labeller, 2 temperature, 3 generator, 4 card.

    They stand in ``out`` once all is done; until then in a folder beside it, which a later call begins anew.

    Raises
    ------
    InvalidSetting
        ``out`` holds something already, or the pictures are not what teachers can learn from.
    """
    if out.exists() and any(out.iterdir()):
        message = f"{out} holds something already, and teachers are written into a new folder; name another"
        raise InvalidSetting(message)
    check_pictures(pictures)
    words = words_of(pictures.names, SYNONYMS.get(pictures.name, {}))
    learned, held_out = split_for_calibration(pictures)
    unfinished = out.with_name(f"{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    train_clip(learned, words, recipe, unfinished / "labeller", (seed, device))
    calibrate(unfinished / "labeller", held_out, words, recipe, seed)
    train_text_to_image(pictures, words, recipe, unfinished / "generator", (seed, device))
    save_card(unfinished, pictures, recipe, seed, device)
    unfinished.replace(out)


def check_pictures(pictures: LabelledPictures) -> None:
    """Refuse what no pair can be trained from.

    Raises
    ------
    InvalidSetting
        Fewer than two classes, a class's name that no prompt can hold, or a size that the networks cannot halve.
    """
    names = [pictures.names[label] for label in np.unique(pictures.labels)]
    if len(set(names)) < _FEWEST_CLASSES:
        message = f"the teachers' half of {pictures.name} has {len(set(names))} classes; shuffle it, or add another"
        raise InvalidSetting(message)
    for name in names:
        if not (name.strip() and name.isprintable() and len(name) <= _LONGEST_NAME and not set("{}") & set(name)):
            message = f"a class is called {name!r:.80}; give it a name of 1 to {_LONGEST_NAME} plain characters"
            raise InvalidSetting(message)
    height, width = pictures.images.shape[1:3]
    if height != width or height % _SIDE or height < 2 * _SIDE:
        message = f"pictures of {height} x {width} came; scale them to a square, its side a multiple of {_SIDE} from 16"
        raise InvalidSetting(message)
