import numpy as np
import pytest
import torch
from PIL import Image

from learner.model.preprocessing import Preprocessing


def pixels(height, width, seed=0):
    return torch.randint(0, 256, (1, height, width, 3), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


@pytest.mark.parametrize("aspect", ["stretch", "crop"])
def test_at_equal_size_only_the_scale_and_the_order_of_axes_change(aspect):
    images = pixels(32, 32)
    expected = images.permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(Preprocessing(32, aspect)(images), expected, atol=1e-6, rtol=0)


def test_a_fine_pattern_is_averaged_and_does_not_alias():
    stripes = torch.zeros(1, 256, 256, 3, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    inner = Preprocessing(32, "stretch")(stripes)[:, :, :, 1:-1]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=0.02, rtol=0)


def test_shrinking_agrees_with_pillows_antialiased_bilinear():
    images = pixels(90, 70)
    expected = np.asarray(Image.fromarray(images[0].numpy()).resize((32, 32), Image.Resampling.BILINEAR))
    found = Preprocessing(32, "stretch")(images)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(found - expected).max() <= 1.5  # Pillow rounds twice


@pytest.mark.parametrize(("height", "width"), [(64, 100), (100, 64), (65, 100)])
def test_crop_keeps_the_middle_square_and_nothing_else(height, width):
    images, side = pixels(height, width), min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images[:, top : top + side, left : left + side]
    assert torch.equal(Preprocessing(32, "crop")(images), Preprocessing(32, "stretch")(square))


def test_stretch_keeps_all_of_the_image():
    images = torch.zeros(1, 32, 64, 3, dtype=torch.uint8)
    images[:, :, :2] = 255
    assert Preprocessing(32, "stretch")(images)[0, :, :, 0].min() > 0.5
    assert Preprocessing(32, "crop")(images).max() == 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (7, 3)])
def test_images_of_any_size_become_squares(height, width):
    assert Preprocessing(16, "stretch")(pixels(height, width)).shape == (1, 3, 16, 16)
    assert Preprocessing(16, "crop")(pixels(height, width)).shape == (1, 3, 16, 16)


def test_no_images_are_an_empty_batch_of_the_same_shape():
    assert Preprocessing(16, "crop").empty().shape == (0, 3, 16, 16)
