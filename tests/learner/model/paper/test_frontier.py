import torch
from torch import nn

from learner.model.paper.frontier import FrontierModel, new_frontier_model, reconstruction_error

PUBLISHED = (128, 64, 32)


def test_the_encoder_is_the_published_one():
    layers = [type(layer) for layer in FrontierModel(PUBLISHED, 32).encoder]
    assert layers == 3 * [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    convolutions = [layer for layer in FrontierModel(PUBLISHED, 32).encoder if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(3, 128), (128, 64), (64, 32)]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}


def test_the_decoder_mirrors_it_with_batch_norm_and_ends_between_0_and_1():
    model = new_frontier_model(PUBLISHED, 32, 0)
    assert not [layer for layer in model.modules() if isinstance(layer, nn.GroupNorm)]
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)][3:]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(32, 64), (64, 128), (128, 3)]
    images = model.decode(torch.randn(2, 512) * 50)
    assert images.shape == (2, 3, 32, 32)
    assert 0 <= images.min() <= images.max() <= 1


def test_an_image_of_32_pixels_becomes_512_numbers():
    assert new_frontier_model(PUBLISHED, 32, 0).encode(torch.rand(2, 3, 32, 32)).shape == (2, 512)


def test_the_error_is_the_mean_of_squares_over_everything():
    images, painted = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    total = 0.0
    for here, there in zip(images.flatten().tolist(), painted.flatten().tolist(), strict=True):
        total += (here - there) ** 2
    torch.testing.assert_close(reconstruction_error(images, painted), torch.tensor(total / images.numel()))


def test_the_weights_depend_on_the_seed_alone():
    before = torch.get_rng_state()
    one, same, other = (new_frontier_model((8, 8, 8), 32, seed).encoder[0].weight for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
