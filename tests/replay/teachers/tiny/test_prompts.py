import numpy as np

from replay.teachers.tiny.prompts import SYNONYMS, class_prompt, other_prompt, words_of


def test_a_class_is_called_by_all_its_words():
    words = words_of(["7", "x"], SYNONYMS["digits"])
    assert words == [("7", "seven"), ("x",)]
    draws = np.random.default_rng(0)
    texts = [class_prompt(words[0], draws).split() for _ in range(50)]
    assert all({"7", "seven"} & set(text) for text in texts)
    assert {"7", "seven"} <= {word for text in texts for word in text}


def test_other_texts_name_no_class():
    draws = np.random.default_rng(0)
    known = {word for words in SYNONYMS["digits"].values() for word in words}
    assert not any(known & set(other_prompt(sorted(known), draws).split()) for _ in range(500))
