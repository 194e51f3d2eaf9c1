"""The texts that teachers learn to read: class names in many wordings, and words that name none of the classes."""

from collections.abc import Mapping, Sequence

import numpy as np

TEMPLATES = (
    "a photo of the digit {}",
    "a photo of the number {}",
    "a handwritten {}",
    "a picture of a {}",
    "an image of a {}",
    "a photo of a {}",
    "a blurry photo of a {}",
    "a dark photo of a {}",
    "a bright photo of a {}",
    "a small picture of the {}",
    "a close up of a {}",
    "{}",
)
"""Of which the tokenizer knows every word."""

SYNONYMS = {
    "digits": {
        str(digit): (str(digit), word)
        for digit, word in enumerate(
            ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        )
    }
}
"""By data set: all the words that a class is called by."""

_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
_PERCENT = "8.2 1.5 2.8 4.3 12.7 2.2 2.0 6.1 7.0 0.2 0.8 4.0 2.4 6.7 7.5 1.9 0.1 6.0 6.3 9.1 2.8 1.0 2.4 0.2 2.0 0.1"
_LETTER_SHARES = np.array(_PERCENT.split(), np.float64) / np.array(_PERCENT.split(), np.float64).sum()
_LONGEST_WORD = 11
_NUMBER_SHARE = 0.15
_EXTRA_SHARE = 0.3


def words_of(names: Sequence[str], synonyms: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return for each class the words that it is called by."""
    return [tuple(synonyms.get(name, (name,))) for name in names]


def class_prompt(words: Sequence[str], draws: np.random.Generator) -> str:
    """Return one wording of a class; sometimes with unrelated words around it."""
    text = _filled(words[int(draws.integers(len(words)))], draws)
    if draws.random() < _EXTRA_SHARE:
        text = f"{text} {invented_word(draws)}"
    if draws.random() < _EXTRA_SHARE:
        text = f"{invented_word(draws)} {text}"
    return text


def other_prompt(known: Sequence[str], draws: np.random.Generator) -> str:
    """Return a text that names none of the ``known`` words: what a vocabulary holds besides the classes."""
    word = invented_word(draws)
    if draws.random() < _NUMBER_SHARE:
        word = str(draws.integers(10, 10_000))
    while word in known:
        word = invented_word(draws)
    return _filled(word, draws)


def invented_word(draws: np.random.Generator) -> str:
    """Return letters as frequent as in English, in no order: no list of words could be long enough."""
    letters = draws.choice(_LETTERS, size=int(draws.integers(1, _LONGEST_WORD + 1)), p=_LETTER_SHARES)
    return "".join(letters)


def _filled(word: str, draws: np.random.Generator) -> str:
    return TEMPLATES[int(draws.integers(len(TEMPLATES)))].format(word)
