import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.errors import VocabularyRefused
from replay.words.safe_text import LONGEST_PROMPT, LONGEST_WORD, safe_prompt, safe_word

ANY_TEXT = st.text(st.characters(codec=None), max_size=80)
NEAR_TEXT = st.text(
    st.sampled_from("aZ9é ß漢'-.,{}\u2019\u00a0\u202e\u200b\u0301\uff1c<>&\n\tﬁ²Ⅷ\u115f\ufe0f\u3164"), max_size=60
)


def plain(safe, text):
    """Return the plain form; None where it is refused, which tells nothing of the text."""
    try:
        return safe(text)
    except VocabularyRefused as error:
        message = str(error)
    assert message.isascii()
    assert message.isprintable()
    return None


def may_be_shown(text, marks, longest):
    return (
        1 <= len(text) <= longest
        and text.isprintable()
        and text == text.strip()
        and all(
            character in marks or unicodedata.category(character)[0] in "LM" or character.isdecimal()
            for character in text
        )
        and all(
            unicodedata.bidirectional(character) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI") for character in text
        )
    )


@given(ANY_TEXT | NEAR_TEXT)
def test_no_text_gets_another_character_into_a_word(text):
    word = plain(safe_word, text)
    if word is not None:
        assert may_be_shown(word, " -'.", LONGEST_WORD)
        assert safe_word(word) == word


@given(ANY_TEXT | NEAR_TEXT, ANY_TEXT | NEAR_TEXT)
def test_no_text_gets_another_character_into_a_prompt(before, after):
    prompt = plain(safe_prompt, before + "{}" + after)
    if prompt is not None:
        assert may_be_shown(prompt.replace("{}", "x"), " -'.,", LONGEST_PROMPT)
        assert prompt.count("{}") == 1
        assert safe_prompt(prompt) == prompt


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("0", "0"),
        (" tabby  cat ", "tabby cat"),
        ("St. Bernard", "St. Bernard"),
        ("crow\u2019s nest", "crow's nest"),
        ("t\u2011shirt", "t-shirt"),
        ("\uff23\uff21\uff34", "CAT"),
        ("Mo\u0308we", "M\u00f6we"),
        ("ворона", "ворона"),
        ("कौआ", "कौआ"),
        ("烏鴉", "烏鴉"),
        ("naked mole-rat", "naked mole-rat"),
        ("Sussex cow", "Sussex cow"),
    ],
)
def test_names_in_any_script_are_brought_to_one_form(text, word):
    assert safe_word(text) == word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has 0 characters"),
        ("   ", "has 0 characters"),
        ("x" * 51, "has 51 characters"),
        ("x" * 10**6, "has 1000000 characters"),
        ("\ufdfa" * 20, "characters, but must have 1 to 50"),
        ("cat\ndog", r"U\+000A"),
        ("cat\x00", r"U\+0000"),
        ("cat\x1b[31m", r"U\+001B"),
        ("\u202etac", r"U\+202E"),
        ("ca\u200bt", r"U\+200B"),
        ("\u2066cat", r"U\+2066"),
        ("cat\u2028", r"U\+2028"),
        ("\ud800", r"U\+D800"),
        ("\ufeffcat", r"U\+FEFF"),
        ("<b>cat</b>", r"U\+003C"),
        ("\uff1cb\uff1e", r"U\+003C"),
        ("cat &amp; dog", r"U\+0026"),
        ("../cat", r"U\+002E"),
        ("evil.example", r"U\+002E"),
        ("cat {}", r"U\+007B"),
        ("\u115f", r"U\+115F"),
        ("🐈", r"U\+1F408"),
        ("- cat", "does not begin"),
        ("\u0301cat", "does not begin"),
        ("nude", "blocked"),
        ("a NUDE-person", "blocked"),
        ("n\u00fbd\u00e9", "blocked"),
        ("\uff4e\uff55\uff44\uff45", "blocked"),
        ("Unknown", "stands for no name"),
    ],
)
def test_unsafe_text_is_refused(text, expected):
    with pytest.raises(VocabularyRefused, match=expected):
        safe_word(text)


@pytest.mark.parametrize("text", ["a photo", "{} and {}", "{{}}", "{word}", "a {} {", "}{", "{}" * 50])
def test_a_prompt_has_one_place_for_the_word(text):
    with pytest.raises(VocabularyRefused, match=r"must hold \{\} once"):
        safe_prompt(text)
