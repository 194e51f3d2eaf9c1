import numpy as np
import pytest
import torch
from learner.intake.preprocess import resize
from PIL import Image


def pixels(height, width, seed=0):
    return torch.randint(0, 256, (1, height, width, 3), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


@pytest.mark.parametrize("aspect", ["stretch", "crop"])
def test_at_equal_size_only_the_scale_and_the_order_of_axes_change(aspect):
    images = pixels(32, 32)
    expected = images.permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(resize(images, 32, aspect), expected, atol=1e-6, rtol=0)


def test_a_fine_pattern_is_averaged_and_does_not_alias():
    stripes = torch.zeros(1, 256, 256, 3, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    inner = resize(stripes, 32, "stretch")[:, :, :, 1:-1]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=0.02, rtol=0)


def test_shrinking_agrees_with_pillows_antialiased_bilinear():
    images = pixels(90, 70)
    expected = np.asarray(Image.fromarray(images[0].numpy()).resize((32, 32), Image.Resampling.BILINEAR))
    found = resize(images, 32, "stretch")[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(found - expected).max() <= 1.5  # Pillow rounds twice


@pytest.mark.parametrize(("height", "width"), [(64, 100), (100, 64), (65, 100)])
def test_crop_keeps_the_middle_square_and_nothing_else(height, width):
    images, side = pixels(height, width), min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images[:, top : top + side, left : left + side]
    assert torch.equal(resize(images, 32, "crop"), resize(square, 32, "stretch"))


def test_stretch_keeps_all_of_the_image():
    images = torch.zeros(1, 32, 64, 3, dtype=torch.uint8)
    images[:, :, :2] = 255
    assert resize(images, 32, "stretch")[0, :, :, 0].min() > 0.5
    assert resize(images, 32, "crop").max() == 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (7, 3)])
def test_images_of_any_size_become_squares(height, width):
    assert resize(pixels(height, width), 16, "stretch").shape == (1, 3, 16, 16)
    assert resize(pixels(height, width), 16, "crop").shape == (1, 3, 16, 16)
