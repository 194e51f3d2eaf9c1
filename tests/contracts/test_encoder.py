"""What every `Encoder` with a decoder keeps; a new one joins `KINDS`."""

import math

import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from learner.model.contract import TrainingBatch
from learner.model.encoders.autoencoder import AutoencoderEncoder
from learner.model.paper.frontier import FrontierEncoder
from learner.process import fix_threads
from learner.settings import LearnerSettings
from stream.image_codec import decode_image
from tests.learner.model.paper.tiny import PAPER
from tests.learner.small import SETTINGS, digits_frames

KINDS = {"autoencoder": AutoencoderEncoder, "paper": FrontierEncoder}
INPUTS = [{}, {"input_size": 24, "aspect": "crop"}]
MOST_AT_ONCE = 256
SIZES = [(1, 1), (8, 300), (48, 64)]


def settings_with(changes):
    own = {"autoencoder": SETTINGS.autoencoder, "paper": PAPER}
    return LearnerSettings(**{name: one.model_copy(update=changes) for name, one in own.items()})


@pytest.fixture(scope="module", params=KINDS)
def name(request):
    return request.param


@pytest.fixture(scope="module", params=INPUTS, ids=["defaults", "cropped"])
def settings(request):
    fix_threads(1)
    return settings_with(request.param)


@pytest.fixture(scope="module")
def encoder(name, settings):
    return new(name, settings)


@pytest.fixture(scope="module")
def images(encoder):
    pixels = [torch.from_numpy(decode_image(frame.image, 10**6, 10**6))[None] for frame in digits_frames(0, 48)]
    return encoder.preprocessing(torch.cat(pixels))


def new(name, settings, seed=0):
    return KINDS[name].new(getattr(settings, name), seed)


def noise(count, size, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def learn(encoder, images, seed=7):
    window, past = images[:32], images[32:]
    words = torch.full((len(images),), -1)
    batch = TrainingBatch(window, past, encoder.embed(past), words)
    return encoder.learn(batch, torch.Generator().manual_seed(seed))


def same(one, other):
    before, after = one.save(), other.save()
    return before.values == after.values and all(
        torch.equal(value, after.tensors[name]) for name, value in before.tensors.items()
    )


def test_images_become_rows_of_single_precision_without_gradients(encoder, images):
    latents = encoder.embed(images)
    assert latents.shape[0] == len(images)
    assert (latents.ndim, latents.dtype, latents.requires_grad) == (2, torch.float32, False)
    assert encoder.embed(images[:0]).shape == (0, latents.shape[1])


def test_no_latent_is_below_the_least(encoder):
    assert float(encoder.embed(noise(8, encoder.preprocessing.input_size)).min()) >= encoder.least_latent


def test_the_same_images_give_the_same_latents_bit_for_bit(encoder, images):
    assert torch.equal(encoder.embed(images), encoder.embed(images.clone()))
    colours = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(encoder.embed(images), encoder.embed(colours)), "however they lie in memory"


def test_many_images_are_embedded_and_decoded_a_part_at_a_time(encoder):
    seen = []
    many = noise(2 * MOST_AT_ONCE + 9, encoder.preprocessing.input_size)
    handle = register_module_forward_pre_hook(lambda _, arguments: seen.append(len(arguments[0])))
    try:
        latents = encoder.embed(many)
        images = encoder.decode(latents)
    finally:
        handle.remove()
    assert max(seen) <= MOST_AT_ONCE
    assert len(latents) == len(images) == len(many)
    torch.testing.assert_close(latents[-9:], encoder.embed(many[-9:]))


def test_whatever_the_latents_are_images_lie_in_0_to_1(encoder, images):
    width = encoder.embed(images).shape[1]
    for latents in (encoder.embed(images), 50 * torch.randn(4, width), torch.zeros(1, width)):
        decoded = encoder.decode(latents)
        assert decoded.shape == (len(latents), *images.shape[1:])
        assert not decoded.requires_grad
        assert 0 <= float(decoded.min()) <= float(decoded.max()) <= 1


def test_learning_returns_another_encoder_and_leaves_the_bits_of_this_one(encoder, images):
    before = {name: value.clone() for name, value in encoder.save().tensors.items()}
    learned, report = learn(encoder, images)
    assert type(learned) is type(encoder)
    assert not same(learned, encoder)
    assert all(torch.equal(value, before[name]) for name, value in encoder.save().tensors.items())
    assert math.isfinite(report.loss)
    assert report.images >= len(images)
    assert learned.preprocessing == encoder.preprocessing


def test_the_same_generator_learns_the_same_bits_and_another_others(encoder, images):
    before = torch.get_rng_state()
    (one, report), (again, report_again), (other, _) = (learn(encoder, images, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert same(one, again)
    assert report == report_again
    assert not same(one, other)


def test_a_window_without_a_past_can_be_learned(encoder, images):
    nothing = images[:0]
    batch = TrainingBatch(images, nothing, encoder.embed(nothing), torch.full((len(images),), -1))
    learned, _ = encoder.learn(batch, torch.Generator().manual_seed(0))
    assert torch.isfinite(learned.embed(images)).all()


def test_the_seed_alone_decides_the_first_weights(name, settings, encoder):
    before = torch.get_rng_state()
    assert same(new(name, settings), encoder)
    assert not same(new(name, settings, seed=1), encoder)
    assert torch.equal(torch.get_rng_state(), before)


def test_saved_and_loaded_it_goes_on_bit_for_bit(settings, encoder, images):
    learned, _ = learn(encoder, images)
    again = type(encoder).load(learned.save(), settings)
    assert same(again, learned)
    assert torch.equal(again.embed(images), learned.embed(images))
    assert (again.preprocessing, again.least_latent) == (learned.preprocessing, learned.least_latent)
    assert same(learn(again, images)[0], learn(learned, images)[0])


@pytest.mark.parametrize("size", SIZES)
def test_what_is_served_is_what_is_learned_for_images_of_any_size(encoder, images, size):
    learned, _ = learn(encoder, images)
    draw = torch.Generator().manual_seed(0)
    images_BHWC = torch.randint(0, 256, (5, *size, 3), dtype=torch.uint8, generator=draw)
    with torch.inference_mode():
        served = learned.served()(images_BHWC)
    torch.testing.assert_close(served, learned.embed(learned.preprocessing(images_BHWC)), atol=1e-6, rtol=1e-5)


def test_serving_leaves_the_encoder_as_it_was(encoder):
    before = {name: value.clone() for name, value in encoder.save().tensors.items()}
    served = encoder.served()
    assert not any(module.training for module in served.modules())
    with torch.inference_mode():
        served(torch.zeros(1, 20, 20, 3, dtype=torch.uint8))
    assert all(torch.equal(value, before[name]) for name, value in encoder.save().tensors.items())
