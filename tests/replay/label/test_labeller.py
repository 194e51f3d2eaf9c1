import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from replay.errors import DeviceMissing, VocabularyRefused, WeightsCorrupt, WeightsMissing
from replay.label.label import Label, vote
from replay.label.labeller import Labeller, open_labeller
from replay.label.open_clip_model import OpenClipModel
from replay.label.zero_shot_head import TEMPERATURE_FILE, temperature_of, zero_shot_head
from replay.teachers.examination import DISTRACTORS
from stream.sources.datasets.packs import DIGIT_NAMES, digits_part
from tests.replay.small import LABELLER

TEMPLATES = ["a photo of the digit {}", "a handwritten {}"]


@pytest.fixture(scope="module")
def labeller():
    return open_labeller(str(LABELLER), [*DIGIT_NAMES, *DISTRACTORS], TEMPLATES, "cpu")


@pytest.fixture(scope="module")
def digits():
    images, labels = digits_part("test")
    return list(images[:100]), labels[:100]


@pytest.fixture
def broken(tmp_path):
    return shutil.copytree(LABELLER, tmp_path / "labeller")


def test_unseen_digits_are_named_among_three_times_as_many_other_words(labeller, digits):
    images, labels = digits
    assert len(DISTRACTORS) > 3 * len(DIGIT_NAMES)
    right = [label.name == DIGIT_NAMES[truth] for label, truth in zip(labeller.labels(images), labels, strict=True)]
    assert np.mean(right) >= 0.95


def test_digits_may_be_called_by_their_words(digits):
    images, labels = digits
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    named = open_labeller(str(LABELLER), [*words, *DISTRACTORS], ["a picture of a {}"], "cpu").labels(images)
    assert np.mean([label.name == words[truth] for label, truth in zip(named, labels, strict=True)]) >= 0.95


def test_an_embedding_has_length_one_and_does_not_depend_on_the_batch(labeller, digits):
    images = digits[0][:7]
    embedded = labeller.embed(images)
    assert embedded.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(labeller.embed(images[3:4])[0], embedded[3], atol=1e-5)
    assert labeller.embed([]).shape == (0, embedded.shape[1])
    assert labeller.labels([]) == []


def test_images_of_other_sizes_are_scaled(labeller, digits):
    large = np.kron(digits[0][0], np.ones((3, 3, 1), np.uint8))
    assert labeller.labels([large])[0].name == labeller.labels([digits[0][0]])[0].name


def test_it_abstains_below_the_least_score(digits):
    model = OpenClipModel(str(LABELLER), torch.device("cpu"))
    head = zero_shot_head(model, DIGIT_NAMES, TEMPLATES, temperature=1.0)  # all words nearly as probable
    labels = Labeller(model, head, least_score=0.5).labels(digits[0][:5])
    assert [label.name for label in labels] == [""] * 5
    assert all(0.1 < label.score < 0.5 for label in labels)
    assert all(label.name for label in Labeller(model, head, least_score=0.0).labels(digits[0][:5]))


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ([Label("a", 0.9), Label("a", 0.7), Label("b", 0.9)], "a"),
        ([Label("a", 0.9), Label("", 0.1)], ""),
        ([Label("", 0.1), Label("", 0.1), Label("a", 0.9)], ""),
        ([], ""),
    ],
)
def test_a_cluster_has_the_name_of_more_than_half_of_its_exemplars(labels, name):
    assert vote(labels).name == name


def test_the_temperature_beside_the_model_counts_and_else_its_own(broken):
    model = OpenClipModel(str(broken), torch.device("cpu"))
    stored = json.loads((broken / TEMPERATURE_FILE).read_text())["temperature"]
    assert temperature_of(str(broken), model) == stored
    (broken / TEMPERATURE_FILE).unlink()
    assert temperature_of(str(broken), model) == pytest.approx(1 / model.scale)
    (broken / TEMPERATURE_FILE).write_text("{}")
    with pytest.raises(WeightsCorrupt, match="delete it"):
        temperature_of(str(broken), model)


@pytest.mark.parametrize("words", [[], ["cat"], ["cat", "cat"]])
def test_without_a_choice_there_is_no_labeller(words):
    with pytest.raises(VocabularyRefused, match="three times as many"):
        open_labeller(str(LABELLER), words, TEMPLATES, "cpu")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ViT-B-32/laion2b_s34b_b79k", "605 MB.*`hf download laion/CLIP-ViT-B-32-laion2B-s34B-b79K"),
        ("ViT-B-32/no-such-tag", "has no model"),
        ("no-such-model", "has no model"),
        ("./no/such/folder", "teachers train"),
        ("weights.safetensors", "names no architecture"),
        ("ViT-B-32:./no/such.safetensors", "copy it there"),
    ],
)
def test_weights_that_are_not_here_are_not_fetched(source, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsMissing, match=expected):
        open_labeller(source, ["cat", "dog"], TEMPLATES, "cpu")


@pytest.mark.parametrize("file", ["open_clip_model.safetensors", "open_clip_config.json", "vocab.json"])
def test_a_broken_file_is_an_error(broken, file):
    (broken / file).write_bytes((broken / file).read_bytes()[:100])
    with pytest.raises(WeightsCorrupt, match="anew"):
        open_labeller(str(broken), ["cat", "dog"], TEMPLATES, "cpu")


def test_weights_that_are_no_numbers_are_an_error_at_the_start(broken):
    file = broken / "open_clip_model.safetensors"
    tensors = load_file(file)
    save_file(
        {name: tensor * torch.nan if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}, file
    )
    with pytest.raises(WeightsCorrupt, match="infinite or none"):
        open_labeller(str(broken), ["cat", "dog"], TEMPLATES, "cpu", temperature=0.1)


def test_a_file_of_weights_is_read_with_the_architecture_that_is_named(tmp_path):
    file = tmp_path / "mine.safetensors"
    file.write_bytes((LABELLER / "open_clip_model.safetensors").read_bytes()[:1000])
    with pytest.raises(WeightsCorrupt, match=r"mine\.safetensors cannot be read as an open_clip model"):
        open_labeller(f"ViT-B-32:{file}", ["cat", "dog"], TEMPLATES, "cpu")


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "cuda:x"])
def test_a_device_that_is_not_here_is_refused(name):
    with pytest.raises(DeviceMissing, match="use 'auto' or 'cpu'"):
        open_labeller(str(LABELLER), ["cat", "dog"], TEMPLATES, name)
