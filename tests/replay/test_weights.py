import re

import pytest

from replay.settings import ReplaySettings
from replay.weights import weights_of
from tests.replay.small import GENERATOR, LABELLER


def found(**settings):
    return weights_of(ReplaySettings(**settings))


def test_a_worker_without_pretrained_models_needs_none():
    assert found() == []
    assert found(pipeline="digits") == [], "resynthesis does not use it"


def test_the_files_of_the_shipped_pair_are_measured_without_being_loaded():
    labeller, pipeline = found(labeller="digits", generator="text_to_image", pipeline="digits")
    assert (labeller.setting, labeller.source, labeller.missing) == ("labeller", "digits", "")
    assert labeller.file_bytes == (LABELLER / "open_clip_model.safetensors").stat().st_size
    assert pipeline.file_bytes == sum(file.stat().st_size for file in GENERATOR.rglob("*.safetensors"))
    assert labeller.memory_bytes > labeller.file_bytes


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"labeller": "ViT-B-32/datacomp_xl_s13b_b90k"}, "about 605 MB.*fetch them once with `hf download laion/"),
        ({"labeller": "./nowhere"}, "r2r teachers train"),
        (
            {"generator": "text_to_image", "pipeline": "CompVis/stable-diffusion-v1-4"},
            "about 5.5 GB.*`hf download CompVis/stable-diffusion-v1-4`",
        ),
        ({"generator": "text_to_image", "pipeline": "/nowhere"}, "holds no diffusers pipeline"),
    ],
)
def test_missing_files_are_an_error_with_their_size_and_the_command(settings, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    (weights,) = found(**settings)
    assert weights.file_bytes == 0
    assert re.search(expected, weights.missing)


@pytest.mark.parametrize("source", ["models/sd/v1", "my model"])
def test_a_source_that_is_neither_a_folder_nor_a_hub_id_is_an_error(source):
    (weights,) = found(generator="text_to_image", pipeline=source)
    assert "name a folder that holds a pipeline" in weights.missing


def test_of_a_published_repository_only_what_is_read_counts(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "model_index.json").write_text("{}")
    for file in ("unet/a.safetensors", "unet/a.fp16.safetensors", "unet/a.bin", "whole.safetensors"):
        (tmp_path / file).write_bytes(b"1234")
    (weights,) = found(generator="text_to_image", pipeline=str(tmp_path))
    assert (weights.file_bytes, weights.missing) == (4, "")
