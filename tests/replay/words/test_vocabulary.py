import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.errors import VocabularyRefused
from replay.words.vocabulary import MOST_FILE_BYTES, MOST_WORDS, TEMPLATE_PROMPTS, Vocabulary, read_vocabulary

FILE = """\
# What comes to our feeder
robin
great tit   # often

Robin
a photo of a {} in snow
squirrel
"""


@pytest.fixture
def words_file(tmp_path):
    def write(content):
        file = tmp_path / "birds.txt"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def test_a_file_holds_words_prompts_and_comments(words_file):
    vocabulary = read_vocabulary(words_file(FILE))
    assert vocabulary.words == ("robin", "great tit", "squirrel")
    assert vocabulary.prompts == ("a photo of a {} in snow",)


@pytest.mark.parametrize(
    "content", ["robin\nwren", "robin\r\nwren\r\n", b"\xef\xbb\xbfrobin\nwren", "\n\nrobin\n#\nwren#x"]
)
def test_a_file_without_prompts_gets_the_templates(words_file, content):
    assert read_vocabulary(words_file(content)) == Vocabulary(("robin", "wren"), TEMPLATE_PROMPTS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "0 different words came, but 2 to 4096 are needed; write each on a line of its own"),
        ("# nothing\n\n", "0 different words came"),
        ("robin", "1 different words came"),
        ("robin\nROBIN\nRob\u00edn", "1 different words came"),
        ("robin\nwren\nx<y", r"line 3 of .*birds\.txt has U\+003C where it may not stand; keep to letters"),
        ("robin\nwren\n{} {}", r"line 3 of .* must hold \{\} once"),
        ("\n".join(f"bird {n}" for n in range(MOST_WORDS + 1)), "4097 different words came"),
        (b"robin\n\xff\xfe", "cannot be read .not UTF-8.; name a text file"),
        (b"#" * (MOST_FILE_BYTES + 1), "has more than 524288 bytes; keep to"),
    ],
)
def test_a_file_that_may_not_be_used_is_refused_in_a_sentence(words_file, content, expected):
    with pytest.raises(VocabularyRefused, match=expected):
        read_vocabulary(words_file(content))


def test_what_may_never_end_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "words.txt")
    with pytest.raises(VocabularyRefused, match="is no plain file; name a text file"):
        read_vocabulary(tmp_path / "words.txt")


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path):
    for place in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(VocabularyRefused, match=r"the words file .* cannot be read"):
            read_vocabulary(place)


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.txt"
    file.write_bytes(content)
    try:
        vocabulary = read_vocabulary(file)
    except VocabularyRefused:
        return
    assert len(vocabulary.words) >= 2


@pytest.mark.parametrize(
    ("words", "prompts", "expected"),
    [
        (("cat", "dog", "CAT"), ("a {}",), "1 of 3 words stand there twice"),
        (("cat", "a  dog"), ("a {}",), "number 2 of the words is not in its plain form; use what safe_word returns"),
        (("cat", "<dog>"), ("a {}",), r"number 2 of the words has U\+003C"),
        (("cat", "dog"), (), "0 different prompts came"),
        (("cat", "dog"), ("a {}", "photo"), "number 2 of the prompts must hold"),
    ],
)
def test_a_vocabulary_that_is_not_safe_cannot_be_made(words, prompts, expected):
    with pytest.raises(VocabularyRefused, match=expected):
        Vocabulary(words, prompts)


def test_every_template_takes_every_word():
    for prompt in TEMPLATE_PROMPTS:
        assert prompt.replace("{}", "x" * 50).count("x" * 50) == 1
