import pytest
import torch
from torch import nn

from learner.model.contract import TrainingBatch
from learner.model.paper.frontier import FrontierEncoder, FrontierModel, balanced_batches, reconstruction_error
from tests.learner.model.paper.tiny import PAPER
from tests.learner.small import digit_images

PUBLISHED = (128, 64, 32)


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def learned(start, window, synthetic):
    none = torch.zeros(0, dtype=torch.int64)
    return start.learn(TrainingBatch(window, synthetic, torch.zeros(0), none), draw())


def test_the_encoder_is_the_published_one():
    layers = [type(layer) for layer in FrontierModel(PUBLISHED, 32).encoder]
    assert layers == 3 * [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    convolutions = [layer for layer in FrontierModel(PUBLISHED, 32).encoder if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(3, 128), (128, 64), (64, 32)]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}


def test_the_decoder_mirrors_it_with_batch_norm_and_ends_between_0_and_1():
    model = FrontierModel(PUBLISHED, 32).eval()
    assert not [layer for layer in model.modules() if isinstance(layer, nn.GroupNorm)]
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)][3:]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(32, 64), (64, 128), (128, 3)]
    images = model.decode(torch.randn(2, 512) * 50)
    assert images.shape == (2, 3, 32, 32)
    assert 0 <= images.min() <= images.max() <= 1


def test_an_image_of_32_pixels_becomes_512_numbers():
    assert FrontierModel(PUBLISHED, 32).eval().encode(torch.rand(2, 3, 32, 32)).shape == (2, 512)


def test_the_error_is_the_mean_of_squares_over_everything():
    images, painted = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    total = 0.0
    for here, there in zip(images.flatten().tolist(), painted.flatten().tolist(), strict=True):
        total += (here - there) ** 2
    torch.testing.assert_close(reconstruction_error(images, painted), torch.tensor(total / images.numel()))


def test_the_weights_depend_on_the_seed_alone():
    before = torch.get_rng_state()
    one, same, other = (FrontierEncoder.new(PAPER, seed).network.encoder[0].weight for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("real", "synthetic"), [(40, 40), (40, 7), (9, 40)])
def test_every_batch_is_half_real_and_half_synthetic(real, synthetic):
    batches = balanced_batches(real, synthetic, 8, draw())
    for batch in batches:
        assert int((batch < real).sum()) * 2 == len(batch)
    seen = torch.cat(batches)
    assert set(seen.tolist()) == set(range(real + synthetic))
    assert len(seen) == 2 * max(real, synthetic)


def test_without_synthetic_images_every_real_one_comes_once():
    assert sorted(torch.cat(balanced_batches(37, 0, 8, draw())).tolist()) == list(range(37))


def test_the_batches_follow_the_seed():
    one, same, other = (torch.cat(balanced_batches(20, 20, 8, draw(seed))) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_training_lowers_the_error_of_a_copy_on_as_many_images_as_it_says():
    start = FrontierEncoder.new(PAPER.model_copy(update={"epochs": 6}), 0)
    window = digit_images(0, 48)
    synthetic = digit_images(200, 24)
    trained, report = learned(start, window, synthetic)
    assert report.images == 6 * 2 * 48
    assert not trained.network.training
    with torch.inference_mode():  # with the batch's own norm: few steps are too few for the running one
        errors = [float(one.network.train().reconstruction_loss(window)) for one in (start, trained)]
    assert errors[1] < 0.8 * errors[0]


def test_training_starts_from_the_carried_weights():
    start = FrontierEncoder.new(PAPER.model_copy(update={"learning_rate": 1e-12}), 0)
    unmoved, _ = learned(start, digit_images(0, 32), torch.zeros(0, 3, 32, 32))
    for before, after in zip(start.network.parameters(), unmoved.network.parameters(), strict=True):
        torch.testing.assert_close(after, before, atol=1e-6, rtol=0)
