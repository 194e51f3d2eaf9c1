"""The words that a labeller chooses from, and the prompts of a generator."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from replay.errors import VocabularyRefused
from replay.words.safe_text import folded, safe_prompt, safe_word

FEWEST_WORDS = 2
MOST_WORDS = 4096
MOST_PROMPTS = 64
MOST_FILE_BYTES = 512 * 1024
TEMPLATE_PROMPTS = (
    "a photo of a {}",
    "a close-up photo of a {}",
    "a photo of a {} from above",
    "a photo of a {} from the side",
    "a photo of a {} outdoors in bright daylight",
    "a photo of a {} indoors in dim light",
    "a photo of a {} at dusk",
    "a slightly blurred photo of a {}",
)
"""The default."""


@dataclass(frozen=True)
class Vocabulary:
    """Words and prompts that are safe to display and to generate from; an unsafe one cannot be made.

    Parameters
    ----------
    words
        2 to 4,096 classes' names, each in the plain form of `safe_word`, none twice.
    prompts
        1 to 64 templates, each in the plain form of `safe_prompt`, none twice: variants of scene, light and angle.

    Raises
    ------
    VocabularyRefused
        They are not all that; use `safe_word`, `safe_prompt` and `distinct` first.
    """

    words: tuple[str, ...]
    prompts: tuple[str, ...] = TEMPLATE_PROMPTS

    def __post_init__(self) -> None:
        _check(self.words, "words", FEWEST_WORDS, MOST_WORDS, safe_word)
        _check(self.prompts, "prompts", 1, MOST_PROMPTS, safe_prompt)


def read_vocabulary(file: Path) -> Vocabulary:
    """Read a text file: a word a line, or a prompt where the line holds ``{}``; what follows a ``#`` is a comment.

    A file without prompts gets the templates. A line that stands there twice counts once.

    Raises
    ------
    VocabularyRefused
        The file cannot be read, a line may not be used (the error has its number), or there are too few or too many.
    """
    words, prompts = [], []
    for number, line in enumerate(_lines(file), start=1):
        text = line.partition("#")[0].strip()
        if "{}" in text:
            prompts.append(_plain(text, f"line {number} of {file}", safe_prompt))
        elif text:
            words.append(_plain(text, f"line {number} of {file}", safe_word))
    try:
        return Vocabulary(distinct(words), distinct(prompts) or TEMPLATE_PROMPTS)
    except VocabularyRefused as error:
        message = f"{file}: {error}"
        raise VocabularyRefused(message) from None


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the first spelling of each.

    Examples
    --------
    >>> distinct(["cat", "dog", "Cat"])
    ('cat', 'dog')
    """
    first: dict[str, str] = {}
    for text in texts:
        first.setdefault(folded(text), text)
    return tuple(first.values())


def _lines(file: Path) -> list[str]:
    if file.is_fifo() or file.is_socket() or file.is_char_device():  # to open one may take for ever
        message = f"the words file {file} is no plain file; name a text file with one word a line"
        raise VocabularyRefused(message)
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_FILE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not UTF-8"
        message = f"the words file {file} cannot be read ({cause}); name a text file with one word a line"
        raise VocabularyRefused(message) from error
    if len(data) > MOST_FILE_BYTES:
        message = f"the words file {file} has more than {MOST_FILE_BYTES} bytes; keep to one word a line"
        raise VocabularyRefused(message)
    return text.split("\n")


def _check(texts: tuple[str, ...], what: str, fewest: int, most: int, safe: Callable[[str], str]) -> None:
    for place, text in enumerate(texts, start=1):
        if _plain(text, f"number {place} of the {what}", safe) != text:
            message = f"number {place} of the {what} is not in its plain form; use what {safe.__name__} returns"
            raise VocabularyRefused(message)
    count = len(distinct(texts))
    if not fewest <= count <= most:
        message = f"{count} different {what} came, but {fewest} to {most} are needed; write each on a line of its own"
        raise VocabularyRefused(message)
    if count < len(texts):
        message = f"{len(texts) - count} of {len(texts)} {what} stand there twice; leave them out"
        raise VocabularyRefused(message)


def _plain(text: str, place: str, safe: Callable[[str], str]) -> str:
    try:
        return safe(text)
    except VocabularyRefused as error:
        message = f"{place} {error}"
        raise VocabularyRefused(message) from None
