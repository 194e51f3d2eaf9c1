"""Text that may reach a prompt, a log or a page, whether a person or a language model wrote it.

An error does not repeat the refused text, because errors are logged.
"""

import re
import unicodedata

from replay.errors import VocabularyRefused

LONGEST_WORD = 50
LONGEST_PROMPT = 160
"""Characters; CLIP reads 77 tokens, and a plain word is one or two of them."""
_LETTERS = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"}
_UNSEEN = frozenset(  # letters and marks by their category alone
    map(chr, [0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)])
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
_ALIKE = str.maketrans({"\u2019": "'", "\u2010": "-"})  # language models like the left ones
_BLOCKED = frozenset(
    re.findall(
        r"\w+",
        """bdsm beheaded beheading bestiality decapitated decapitation erotic erotica fetish genital genitals gore gory
        hentai incest lolita mutilated mutilation nsfw nude nudes nudity orgy paedophile pedophile porn porno
        pornographic pornography rape sex sexual sexy suicide swastika topless torture""",
    )
)
_NO_NAME = re.compile(r"unknown|cluster-[0-9]+")  # what stands for no name in answers, and in models' answers


def safe_word(text: str) -> str:
    """Return a class's name in plain form: at most 50 letters, digits, spaces, ``-``, ``'`` and ``.``.

    Raises
    ------
    VocabularyRefused
        It is empty or too long, has another character, does not begin with a letter or digit, or is blocked.

    Examples
    --------
    >>> safe_word("  guide   dog’s  harness ")
    "guide dog's harness"
    """
    plain = _plain(text, " -'.", LONGEST_WORD)
    if not plain[0].isalnum():
        message = "does not begin with a letter or a digit; write the name alone"
        raise VocabularyRefused(message)
    if _NO_NAME.fullmatch(folded(plain)):
        message = "stands for no name at all; leave it out"
        raise VocabularyRefused(message)
    return plain


def safe_prompt(text: str) -> str:
    """Return a template in plain form: at most 160 characters, also ``,``, and ``{}`` once, where the word goes.

    Raises
    ------
    VocabularyRefused
        It is too long, has another character, is blocked, or holds ``{}`` never or twice.

    Examples
    --------
    >>> safe_prompt("a photo of a {},  seen from above")
    'a photo of a {}, seen from above'
    """
    plain = _plain(text, " -'.,{}", LONGEST_PROMPT)
    before_and_after = plain.split("{}")
    if plain.count("{}") != 1 or set("{}") & set("".join(before_and_after)):
        message = "must hold {} once, where the word goes, and no other brace; write it as in: a photo of a {}"
        raise VocabularyRefused(message)
    return plain


def folded(text: str) -> str:
    """Return what two spellings of one word have in common: no accents, no capitals.

    Examples
    --------
    >>> folded("Café")
    'cafe'
    """
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn").casefold()


def _plain(text: str, marks: str, longest: int) -> str:
    """1 bound, 2 bring to one form, 3 bound again, 4 look at each character, 5 look at each word."""
    if len(text) <= 4 * longest:  # one character may become 18
        text = re.sub(" +", " ", unicodedata.normalize("NFKC", text).translate(_ALIKE)).strip(" ")
    if not 1 <= len(text) <= longest:
        message = f"has {len(text)} characters, but must have 1 to {longest}; shorten it or leave it out"
        raise VocabularyRefused(message)
    for place, character in enumerate(text):
        is_letter = unicodedata.category(character) in _LETTERS and character not in _UNSEEN
        is_in_address = character == "." and text[place + 1 : place + 2] not in ("", " ", ",")
        if is_in_address or not (is_letter or character in marks):
            message = f"has U+{ord(character):04X} where it may not stand; keep to letters, digits and {marks!r}"
            raise VocabularyRefused(message)
    if _BLOCKED & set(re.split(r"[\W\d_]+", folded(text))):
        message = "holds a word that is blocked; leave it out"
        raise VocabularyRefused(message)
    return text
