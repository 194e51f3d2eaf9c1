"""The pair of small teachers that comes with the package, under a name instead of a path."""

from pathlib import Path
from typing import Literal

DIGITS = "digits"
"""Of the pair for scikit-learn's digits."""
_PLACES = {"labeller": "labeller", "pipeline": "generator", "words_file": "words.txt"}


def shipped(setting: Literal["labeller", "pipeline", "words_file"], value: str) -> str:
    """Return where the shipped pair has what a setting asks for as `DIGITS`; any other value as it is.

    Examples
    --------
    >>> shipped("labeller", "ViT-B-32/datacomp_xl_s13b_b90k")
    'ViT-B-32/datacomp_xl_s13b_b90k'
    >>> Path(shipped("words_file", "digits")).is_file()
    True
    """
    return str(Path(__file__).with_name(DIGITS) / _PLACES[setting]) if value == DIGITS else value
