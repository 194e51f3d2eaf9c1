import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import load_file, save_file
from sklearn.svm import SVC
from transformers import CLIPConfig

from replay.errors import DeviceMemoryFull, DeviceMissing, SubjectUnnamed, WeightsCorrupt, WeightsMissing
from replay.generate.diffusion_pipeline import DiffusionPipeline, Drawn
from replay.generate.pipeline_parts import check_parts
from replay.generate.text_to_image import PipelineOptions, TextToImage, open_text_to_image
from replay.subject import Subject
from stream.process.errors import InvalidSetting
from stream.sources.datasets.packs import digits_part
from tests.replay.small import GENERATOR

OPTIONS = PipelineOptions(templates=("a photo of the digit {}", "a handwritten {}"), batch_images=5)


class SmallMemory:
    """Draws images of one colour, as many at a time as fit."""

    def __init__(self, fits, flagged=()):
        self.fits, self.flagged = fits, flagged
        self.batches, self.prompts, self.asked = [], [], set()

    def draw(self, prompts, seeds, steps, guidance):
        self.batches.append(len(seeds))
        self.prompts += prompts
        self.asked.add((steps, guidance))
        if len(seeds) > self.fits:
            message = "CUDA out of memory"
            raise torch.OutOfMemoryError(message)
        return [Drawn(np.full((2, 2, 3), seed, np.uint8), seed in self.flagged) for seed in seeds]


@pytest.fixture(scope="module")
def generator():
    return open_text_to_image(str(GENERATOR), OPTIONS, "cpu")


def test_generated_digits_are_taken_for_what_was_asked(generator):
    real, labels = digits_part("stream")
    judge = SVC(C=10.0).fit(real.reshape(len(real), -1) / 255, labels)
    generated = np.stack(
        [image for digit in range(10) for image in generator.generate(Subject(str(digit), []), range(5))]
    )
    assert generated.shape == (50, 32, 32, 3)
    assert (judge.predict(generated.reshape(50, -1) / 255) == np.repeat(np.arange(10), 5)).mean() >= 0.9


def test_an_image_depends_on_its_name_and_seed_alone(generator):
    seeds = [5, 2**32 - 1, 0, 9, 77, 3, 4]
    together = generator.generate(Subject("3", []), seeds)
    assert all(map(np.array_equal, generator.generate(Subject("3", []), seeds[::-1])[::-1], together))
    assert np.array_equal(generator.generate(Subject("3", []), seeds[5:6])[0], together[5])
    assert not np.array_equal(generator.generate(Subject("8", []), seeds[:1])[0], together[0])
    assert len({image.tobytes() for image in together}) == len(seeds)
    assert generator.generate(Subject("3", []), []) == []


@pytest.mark.parametrize("scheduler", ["dpm", "lcm"])
def test_other_schedulers_can_be_chosen_and_memory_be_saved(scheduler):
    options = PipelineOptions(steps=2, batch_images=2, scheduler=scheduler, sliced=True)
    images = open_text_to_image(str(GENERATOR), options, "cpu").generate(Subject("1", []), [1])
    assert images[0].shape == (32, 32, 3)


def test_a_seed_chooses_the_template():
    pipeline = SmallMemory(fits=9)
    TextToImage("small", pipeline, OPTIONS).generate(Subject("{}", []), [2, 3])
    assert pipeline.prompts[:2] == ["a photo of the digit {}", "a handwritten {}"]
    assert pipeline.asked == {(OPTIONS.steps, OPTIONS.guidance)}


def test_where_memory_is_full_half_the_batch_is_tried_and_kept():
    pipeline = SmallMemory(fits=2)
    images = TextToImage("small", pipeline, OPTIONS).generate(Subject("cat", []), range(5))
    assert [image[0, 0, 0] for image in images] == [0, 1, 2, 3, 4]
    assert pipeline.batches == [5, 2, 2, 2]


def test_where_half_the_batch_does_not_fit_either_the_error_names_the_remedy():
    pipeline = SmallMemory(fits=1)
    with pytest.raises(DeviceMemoryFull, match=r"a batch of 2 either; choose fewer replay\.pipeline_images"):
        TextToImage("small", pipeline, OPTIONS).generate(Subject("cat", []), range(5))
    assert pipeline.batches == [5, 2]


def test_what_the_safety_checker_flags_is_no_image():
    generator = TextToImage("small", SmallMemory(fits=9, flagged=(1, 3)), OPTIONS)
    generated = generator.generate(Subject("cat", []), range(4))
    assert [image is None for image in generated] == [False, True, False, True]


def test_a_subject_without_a_name_is_refused(generator):
    with pytest.raises(SubjectUnnamed, match="name the cluster"):
        generator.generate(Subject("", []), [1])


def test_closing_is_idempotent_and_final():
    generator = TextToImage("small", SmallMemory(fits=9), OPTIONS)
    generator.close()
    generator.close()
    with pytest.raises(RuntimeError, match="closed"):
        generator.generate(Subject("cat", []), [1])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("CompVis/stable-diffusion-v1-4", "about 5.5 GB.*`hf download CompVis/stable-diffusion-v1-4"),
        ("nobody/nothing", "hf download nobody/nothing"),
        ("./no/such/folder", "teachers train"),
        ("stream", "teachers train"),
    ],
)
def test_weights_that_are_not_here_are_not_fetched(source, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsMissing, match=expected):
        open_text_to_image(source, OPTIONS, "cpu")


@pytest.mark.parametrize(
    "file", ["model_index.json", "unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"]
)
def test_a_broken_file_is_an_error(file, tmp_path):
    folder = shutil.copytree(GENERATOR, tmp_path / "generator")
    (folder / file).write_bytes((folder / file).read_bytes()[:100])
    with pytest.raises(WeightsCorrupt, match="anew"):
        DiffusionPipeline(str(folder), torch.device("cpu"), "own", "auto", sliced=False)


@pytest.mark.parametrize(
    ("taken", "for_what"),
    [
        ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model"),
        ("vae/diffusion_pytorch_model", "text_encoder/model"),
        ("vae/diffusion_pytorch_model", "unet/diffusion_pytorch_model"),
    ],
)
def test_another_models_file_is_not_completed_at_random(taken, for_what, tmp_path):
    folder = shutil.copytree(GENERATOR, tmp_path / "generator")
    shutil.copy(folder / f"{taken}.safetensors", folder / f"{for_what}.safetensors")
    with pytest.raises(WeightsCorrupt, match="anew"):
        open_text_to_image(str(folder), OPTIONS, "cpu")


def test_a_file_that_lacks_tensors_is_not_completed_at_random(tmp_path):
    folder = shutil.copytree(GENERATOR, tmp_path / "generator")
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    save_file(dict(list(tensors.items())[1:]), file)
    with pytest.raises(WeightsCorrupt, match="do not hold its unet"):
        open_text_to_image(str(folder), OPTIONS, "cpu")


def test_an_older_file_of_transformers_has_other_names_and_is_whole(tmp_path):
    folder = shutil.copytree(GENERATOR, tmp_path / "generator")
    file = folder / "text_encoder" / "model.safetensors"
    save_file({f"text_model.{name}": tensor for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    older, newer = (open_text_to_image(str(place), OPTIONS, "cpu") for place in (folder, GENERATOR))
    assert np.array_equal(older.generate(Subject("3", []), [1]), newer.generate(Subject("3", []), [1]))


def test_a_safety_checker_is_a_part_of_transformers(tmp_path):
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**sizes, "image_size": 16, "patch_size": 8}
    config = CLIPConfig(text_config=sizes, vision_config=vision, projection_dim=8)
    checker = StableDiffusionSafetyChecker(config)
    pipeline, file = (
        SimpleNamespace(components={"safety_checker": checker}),
        tmp_path / "safety_checker" / "a.safetensors",
    )
    file.parent.mkdir()
    save_file({f"vision_model.{name}": tensor.clone() for name, tensor in checker.state_dict().items()}, file)
    check_parts(pipeline, tmp_path, "published")
    save_file({"other.weight": torch.zeros(1)}, file)
    with pytest.raises(WeightsCorrupt, match="do not hold its safety_checker"):
        check_parts(pipeline, tmp_path, "published")


def test_weights_that_are_no_numbers_are_an_error_at_the_start(tmp_path):
    folder = shutil.copytree(GENERATOR, tmp_path / "generator")
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: torch.full_like(tensor, torch.nan) for name, tensor in load_file(file).items()}, file)
    with pytest.raises(WeightsCorrupt, match="infinite or none"):
        open_text_to_image(str(folder), OPTIONS, "cpu")


def test_steps_that_a_scheduler_cannot_do_are_an_error_at_the_start():
    with pytest.raises(WeightsCorrupt, match=r"does not generate images .* choose other replay\.steps"):
        open_text_to_image(str(GENERATOR), PipelineOptions(steps=60, scheduler="lcm"), "cpu")


def test_a_device_that_is_not_here_is_refused():
    with pytest.raises(DeviceMissing, match="use 'auto' or 'cpu'"):
        open_text_to_image(str(GENERATOR), OPTIONS, "cuda:99")


def test_half_precision_on_a_cpu_is_refused_before_anything_is_read():
    with pytest.raises(InvalidSetting, match="use 'auto', or a GPU"):
        open_text_to_image(str(GENERATOR), PipelineOptions(precision="float16"), "cpu")
