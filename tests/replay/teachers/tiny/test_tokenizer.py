import pytest

from replay.teachers.tiny.tokenizer import END, START, load_tokenizer, save_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(folder, ["a photo of the digit {}", "seven"], 12)
    return load_tokenizer(folder)


def pieces(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)


def test_known_words_are_one_piece_and_others_are_spelled(tokenizer):
    assert pieces(tokenizer, "A photo of seven") == [START, "a</w>", "photo</w>", "of</w>", "seven</w>", END]
    assert pieces(tokenizer, "bird 42") == [START, "b", "i", "r", "d</w>", "4</w>", "2</w>", END]


@pytest.mark.parametrize("text", ["éß", "猫", "T-shirt/top", "🐈", ""])
def test_no_text_holds_an_unknown_piece(tokenizer, text):
    assert END not in pieces(tokenizer, text)[:-1]


def test_texts_are_filled_up_and_cut_at_the_context(tokenizer):
    assert tokenizer.model_max_length == 12
    assert {len(ids) for ids in tokenizer(["a", "x" * 99], padding="max_length", truncation=True).input_ids} == {12}
