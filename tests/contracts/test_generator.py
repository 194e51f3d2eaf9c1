"""What every `Generator` keeps; a new one joins `GENERATORS`."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from replay.generate.diffusion_pipeline import DiffusionPipeline
from replay.generate.resynthesis import Resynthesis
from replay.generate.text_to_image import PipelineOptions, TextToImage
from replay.subject import Subject
from tests.replay.small import GENERATOR, SeedGenerator, exemplar


@cache
def pipeline():
    return DiffusionPipeline(str(GENERATOR), torch.device("cpu"), "own", "auto", sliced=False)


GENERATORS = {
    "resynthesis": lambda: Resynthesis(strength=1.0),
    "copies": lambda: Resynthesis(strength=0.0),
    "fake": SeedGenerator,
    "text_to_image": lambda: TextToImage("small", pipeline(), PipelineOptions(steps=2, batch_images=2)),
}
SUBJECTS = {
    "one": Subject("", [exemplar(16)]),
    "five": Subject("cat", [exemplar(16, seed) for seed in range(5)]),
    "mixed_sizes": Subject("", [exemplar(8), exemplar(16, 1), np.zeros((5, 9, 3), np.uint8)]),
    "one_pixel": Subject("", [np.full((1, 1, 3), 7, np.uint8)]),
    "thin": Subject("", [exemplar(32)[:1]]),
    "plain": Subject("", [np.full((12, 12, 3), 255, np.uint8)]),
    "read_only": Subject("", [np.frombuffer(bytes(range(48)), np.uint8).reshape(4, 4, 3)]),
}


WITHOUT_EXEMPLARS = ("one", "five")  # a pipeline paints the name alone: other exemplars would show nothing else
PAIRS = [
    (generator, subject)
    for generator in GENERATORS
    for subject in (WITHOUT_EXEMPLARS if generator == "text_to_image" else SUBJECTS)
]


def pytest_generate_tests(metafunc):
    if "subject" in metafunc.fixturenames:
        metafunc.parametrize(("generator", "subject"), PAIRS, indirect=True)
    elif "generator" in metafunc.fixturenames:
        metafunc.parametrize("generator", GENERATORS, indirect=True)


@pytest.fixture
def generator(request):
    made = GENERATORS[request.param]()
    yield made
    made.close()


@pytest.fixture
def subject(request, generator):
    """Return a subject; a generator for names is given one with a name."""
    chosen = SUBJECTS[request.param]
    return replace(chosen, name="7") if isinstance(generator, TextToImage) else chosen


def same(ours, theirs):
    return len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))


def test_there_is_one_image_for_each_seed(generator, subject):
    images = generator.generate(subject, [3, 1, 4, 1])
    assert len(images) == 4
    own = {(32, 32, 3)} if isinstance(generator, TextToImage) else set()
    shapes = own or {exemplar.shape for exemplar in subject.exemplars}
    for image in images:
        assert image.dtype == np.uint8
        assert image.shape in shapes
    assert generator.generate(subject, []) == []


def test_an_image_depends_on_its_own_seed_alone(generator, subject):
    seeds = [5, 2**32 - 1, 0, 9]
    together = generator.generate(subject, seeds)
    assert same([generator.generate(subject, [seed])[0] for seed in seeds], together)
    assert same(generator.generate(subject, seeds[::-1]), together[::-1])


def test_calls_before_change_nothing(generator, subject):
    first = generator.generate(subject, [1, 2])
    generator.generate(SUBJECTS["five"], [8, 9])  # it has a name, so that all generators take it
    assert same(generator.generate(subject, [1, 2]), first)


def test_the_exemplars_are_left_as_they_are(generator, subject):
    before = [exemplar.copy() for exemplar in subject.exemplars]
    generator.generate(subject, [1, 2, 3])
    assert same(before, subject.exemplars)


def test_it_has_a_name_to_be_written_beside_its_images(generator):
    assert generator.name
    assert generator.name.isprintable()


def test_closing_is_idempotent(generator):
    generator.close()
    generator.close()
