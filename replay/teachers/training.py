"""From labelled pictures to a folder with a labeller and a generator."""

from pathlib import Path

from replay.teachers.calibration import calibrate, split_for_calibration
from replay.teachers.model_card import save_card
from replay.teachers.prompts import SYNONYMS, words_of
from replay.teachers.recipe import Recipe
from replay.teachers.tiny_clip import train_clip
from replay.teachers.tiny_diffusion import train_text_to_image
from stream.errors import InvalidSetting
from stream.sources.teacher_part import LabelledPictures


def train_teachers(pictures: LabelledPictures, recipe: Recipe, out: Path, seed: int, device: str) -> None:
    """Write ``out/labeller``, ``out/generator`` and a model card: 1 labeller, 2 temperature, 3 generator, 4 card.

    Raises
    ------
    InvalidSetting
        ``out`` holds something already.
    """
    if out.exists() and any(out.iterdir()):
        message = f"{out} holds something already, and teachers are written into a new folder; name another"
        raise InvalidSetting(message)
    words = words_of(pictures.names, SYNONYMS.get(pictures.name, {}))
    learned, held_out = split_for_calibration(pictures)
    train_clip(learned, words, recipe, out / "labeller", (seed, device))
    calibrate(out / "labeller", held_out, words, recipe, seed)
    train_text_to_image(pictures, words, recipe, out / "generator", (seed, device))
    save_card(out, pictures, recipe, seed, device)
