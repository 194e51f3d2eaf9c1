"""The README of a pair of teachers: what it is, what it was made from, and what it can do."""

from dataclasses import asdict
from pathlib import Path

import torch

from replay.teachers.examination import DISTRACTORS, Figures
from replay.teachers.tiny.prompts import SYNONYMS, words_of
from replay.teachers.tiny.recipe import Recipe
from stream.process.errors import InvalidSetting
from stream.process.home import write_atomically
from stream.sources.datasets.teacher_part import LabelledPictures

_FIGURES = "## Figures"
_RECIPE = "\n## Recipe"
_NOT_EXAMINED = "Not examined yet: `python -m replay.teachers examine FOLDER`.\n"
_SOURCES = {
    "digits": (
        "scikit-learn's `load_digits` (E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, "
        "CC BY 4.0), the 600 of `stream/sources/datasets/digits_split.json` that are set aside for teachers; "
        "none of the others"
    )
}
_MEANINGS = {
    "labelled": f"unseen real pictures named rightly, {len(DISTRACTORS)} words in the vocabulary that are never true",
    "abstained": "unseen real pictures that were given no name",
    "recognised": "generated pictures in which a judge sees what was asked for (SVM, learned from unseen real ones)",
    "learned_from": "unseen real pictures named rightly by an SVM that learned from generated ones alone",
    "novelty": "distance of generated pictures to the nearest of the teachers', over that of unseen real ones",
    "images_per_second": "pictures generated a second, 20 steps",
}


def save_card(folder: Path, pictures: LabelledPictures, recipe: Recipe, seed: int, device: str) -> None:
    """Write ``README.md`` without figures."""
    source = _SOURCES.get(pictures.name, f"the first half of the training part of the pack `{pictures.name}`")
    settings = "\n".join(f"| `{key}` | {value} |" for key, value in asdict(recipe).items())
    known = [f"*{word}*" for words in words_of(pictures.names, SYNONYMS.get(pictures.name, {})) for word in words]
    data = "" if pictures.name == "digits" else " --data PACK"
    flags = f"--dataset {pictures.name}{data}{recipe.flags()} --seed {seed} --device {device} --out NEW"
    command = f"python -m replay.teachers train {flags}"
    card = f"""# Small teachers: {pictures.name}

`labeller/` is an open_clip model (`open_clip.create_model_and_transforms("local-dir:labeller")`), with the
temperature of its probabilities in `temperature.json`. `generator/` is a Stable Diffusion pipeline
(`StableDiffusionPipeline.from_pretrained("generator")`). Both are tiny, were trained from nothing, and know the words
{", ".join(known)}; use 20 steps and guidance 2.

- Data: {source}: {len(pictures.labels)} pictures.
- Seed {seed}, device {device}, torch {torch.__version__.split("+")[0]}.
- Made by `{command}`.
- Licence of the weights: Apache-2.0.
- Limits: they know these classes alone; there is no safety checker.

{_FIGURES}

{_NOT_EXAMINED}
## Recipe

| setting | value |
| --- | --- |
{settings}
"""
    write_atomically(folder / "README.md", card.encode())


def add_figures(folder: Path, figures: Figures, machine: str) -> None:
    """Write the figures into the card."""
    rows = "\n".join(f"| {_MEANINGS[key]} | {value:.3f} |" for key, value in asdict(figures).items())
    source = f"Measured by `python -m replay.teachers examine FOLDER`, {machine}."
    table = f"{source}\n\n| what | value |\n| --- | --- |\n{rows}\n"
    before, recipe = _around_figures(folder)
    write_atomically(folder / "README.md", f"{before}{_FIGURES}\n\n{table}{recipe}".encode())


def check_card(folder: Path) -> None:
    """Refuse a folder whose card has no room for figures, before they are measured.

    Raises
    ------
    InvalidSetting
        There is no card, or it is none that `save_card` has written.
    """
    _around_figures(folder)


def _around_figures(folder: Path) -> tuple[str, str]:
    try:
        before, found, after = (folder / "README.md").read_text().partition(_FIGURES)
        _, recipe_found, recipe = after.partition(_RECIPE)
    except (OSError, ValueError):
        found = recipe_found = before = recipe = ""
    if not (found and recipe_found):
        message = f"{folder} has no card of a pair of teachers (README.md); name the folder that `train` has written"
        raise InvalidSetting(message)
    return before, f"{recipe_found}{recipe}"
