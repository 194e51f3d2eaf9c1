import pytest
import torch

from learner.model.encoders.network import Autoencoder, in_batches


def network(channels=(16, 8, 8), input_size=32):
    torch.manual_seed(0)
    return Autoencoder(channels, input_size).eval()


@pytest.mark.parametrize("input_size", [16, 24, 32, 40, 64])
def test_the_latents_width_does_not_depend_on_the_input_size(input_size):
    latents_BL = network(input_size=input_size).encode(torch.rand(2, 3, input_size, input_size))
    assert latents_BL.shape == (2, 8 * 16)
    assert network(input_size=input_size).latent_width == 8 * 16


@pytest.mark.parametrize("input_size", [16, 24, 32, 40, 64])
def test_images_are_decoded_at_the_input_size_and_lie_in_0_to_1(input_size):
    images = network(input_size=input_size).decode(torch.rand(2, 128) * 50)
    assert images.shape == (2, 3, input_size, input_size)
    assert 0 <= images.min() <= images.max() <= 1


def test_latents_are_never_negative():
    assert network().encode(torch.randn(4, 3, 32, 32)).min() >= 0


def test_the_papers_widths_give_512_numbers_for_32_pixels():
    assert Autoencoder((128, 64, 32), 32).latent_width == 512


def test_the_loss_is_the_mean_squared_error_of_the_reconstruction():
    net, images = network(), torch.rand(3, 3, 32, 32)
    expected = (net.decode(net.encode(images)) - images).square().mean()
    torch.testing.assert_close(net.reconstruction_loss(images), expected)


def test_an_image_is_encoded_alike_alone_and_among_others():
    net, images = network(), torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(net.encode(images)[2:3], net.encode(images[2:3]))


def test_batches_bound_what_the_function_sees_and_keep_the_order():
    seen = []

    def double(rows):
        seen.append(len(rows))
        return rows * 2

    rows = torch.arange(10.0)[:, None]
    assert torch.equal(in_batches(double, rows, batch=4), rows * 2)
    assert seen == [4, 4, 2]
