import json
import re
import subprocess
import sys
from dataclasses import replace

import diffusers
import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from replay.generate.text_to_image import PipelineOptions, open_text_to_image
from replay.label.labeller import open_labeller
from replay.subject import Subject
from replay.teachers.__main__ import main
from replay.teachers.examination import Figures
from replay.teachers.model_card import add_figures
from replay.teachers.tiny.recipe import Recipe
from replay.teachers.training import train_teachers
from stream.process.errors import InvalidSetting
from stream.sources.datasets.teacher_part import LabelledPictures
from tests.architecture.tree import ROOT

HURRIED = Recipe(
    clip_steps=2,
    clip_batch=4,
    clip_width=8,
    autoencoder_steps=2,
    autoencoder_batch=4,
    autoencoder_widths=(8, 8),
    denoiser_steps=2,
    denoiser_batch=4,
    denoiser_widths=(16, 16),
    bank_rounds=1,
)
NAMES = ("cat", "T-shirt/top", "ankle boot")


@pytest.fixture(scope="module")
def pictures():
    images = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    return LabelledPictures("npz", images, np.arange(30) % 3, NAMES)


@pytest.fixture(scope="module")
def pair(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("teachers") / "pair"
    train_teachers(pictures, HURRIED, folder, seed=1, device="cpu")
    return folder


def test_the_labeller_loads_with_open_clip_alone(pair, pictures):
    source = f"local-dir:{pair / 'labeller'}"
    model, _, preprocess = open_clip.create_model_and_transforms(source)
    tokens = open_clip.get_tokenizer(source)(list(NAMES))
    image = preprocess(Image.fromarray(pictures.images[0]))[None]
    with torch.no_grad():
        images, texts, scale = model.eval()(image, tokens)
    assert images.shape == (1, 64)
    assert texts.shape == (3, 64)
    assert all(torch.isfinite(part).all() for part in (images, texts, scale))


def test_the_generator_loads_with_diffusers_alone(pair):
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(pair / "generator", low_cpu_mem_usage=False)
    assert {part.dtype for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder)} == {torch.float32}
    images = pipeline(["a photo of a cat"] * 2, num_inference_steps=2, output_type="np").images
    assert images.shape == (2, 32, 32, 3)
    assert np.isfinite(images).all()


def test_they_serve_as_labeller_and_generator(pair, pictures):
    labels = open_labeller(str(pair / "labeller"), NAMES, ["{}"], "cpu", least_score=0.0).labels(pictures.images[:2])
    assert {label.name for label in labels} <= set(NAMES)
    generator = open_text_to_image(str(pair / "generator"), PipelineOptions(steps=2, batch_images=2), "cpu")
    assert generator.generate(Subject("ankle boot", []), [7])[0].dtype == np.uint8


def test_the_same_seed_makes_the_same_pair(pair, pictures, tmp_path):
    train_teachers(pictures, HURRIED, tmp_path / "again", seed=1, device="cpu")
    for weights in pair.rglob("*.safetensors"):
        again = tmp_path / "again" / weights.relative_to(pair)
        assert again.read_bytes() == weights.read_bytes(), weights.name


def test_weights_are_halves(pair):
    assert 0 < sum(file.stat().st_size for file in pair.rglob("*.safetensors")) < 2**22


def test_the_card_holds_the_command_and_takes_figures(pair):
    card = (pair / "README.md").read_text()
    assert "Seed 1, device cpu" in card
    assert "train --dataset npz --data PACK --seed 1" in card
    assert "Not examined yet" in card
    for share in (0.5, 0.25):
        add_figures(pair, Figures(share, 0.0, 0.0, 0.0, 1.0, 9.0), "device cpu")
    card = (pair / "README.md").read_text()
    assert "0.250" in card
    assert "0.500" not in card
    assert "Not examined yet" not in card
    assert "| `clip_steps` | 2 |" in card


def test_a_folder_that_holds_something_is_left_alone(pair, pictures):
    with pytest.raises(InvalidSetting, match="name another"):
        train_teachers(pictures, HURRIED, pair, seed=1, device="cpu")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["train", "--dataset", "cifar10", "--out", "x"], "--data"),
        (["train", "--device", "cuda:99", "--out", "x"], "use 'auto' or 'cpu'"),
        (["examine", "no-such-folder"], "that `train` has written"),
    ],
)
def test_an_error_of_the_users_is_one_line(flags, expected, capsys):
    assert main(flags) == 1
    error = capsys.readouterr().err
    assert error.startswith("r2r teachers: ")
    assert expected in error
    assert error.count("\n") == 1


def test_training_needs_neither_kafka_nor_the_learner():
    program = "import json, sys, replay.teachers.training; json.dump(sorted(sys.modules), sys.stdout)"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"kafka", "learner", "deploy", "onnxruntime", "river"} & set(json.loads(found.stdout)) == set()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--seed", "-1"], "a whole number below 4294967296 is needed; give another"),
        (["--share", "0"], "a number above 0 and up to 100 is needed; give another"),
        (["--share", "nan"], "a number above 0"),
        (["--share", "x"], "a number above 0"),
    ],
)
def test_flags_that_cannot_be_are_refused_before_anything_is_written(flags, expected, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--out", str(tmp_path / "new"), *flags])
    assert expected in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_place_where_nothing_can_be_written_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["train", "--share", "0.001", "--out", str(tmp_path / "file" / "new")]) == 1
    error = capsys.readouterr().err
    assert error.endswith("mend that\n")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"labels": np.zeros(30, np.int64)}, "has 1 classes; shuffle it"),
        ({"names": ("cat", "", "dog")}, "is called ''; give it a name"),
        ({"names": ("cat", "a{}b", "dog")}, "give it a name"),
        ({"images": np.zeros((30, 30, 17, 3), np.uint8)}, "30 x 17 came; scale them to a square"),
    ],
)
def test_pictures_that_no_pair_can_learn_from_are_refused(pictures, changed, expected, tmp_path):
    with pytest.raises(InvalidSetting, match=re.escape(expected)):
        train_teachers(replace(pictures, **changed), HURRIED, tmp_path / "new", seed=0, device="cpu")


@pytest.mark.parametrize("card", [None, b"\xff\xfe", b"# Something else"])
def test_a_folder_without_a_card_is_refused_before_it_is_measured(card, tmp_path, capsys):
    if card is not None:
        (tmp_path / "README.md").write_bytes(card)
    assert main(["examine", str(tmp_path)]) == 1
    assert "has no card of a pair of teachers (README.md); name the folder" in capsys.readouterr().err
