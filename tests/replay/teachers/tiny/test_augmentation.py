from dataclasses import replace

import torch

from replay.teachers.tiny.augmentation import augmented, to_pixels, to_tensor
from replay.teachers.tiny.recipe import Warp
from tests.replay.small import exemplar

STILL = Warp(turn_degrees=0, stretch=0, shift=0, bend=0)
STRONG = Warp(turn_degrees=6, stretch=0.07, shift=0.06, bend=0.05)


def images():
    return to_tensor(exemplar(16)[None].repeat(50, axis=0), torch.device("cpu"))


def test_pixels_come_back_as_they_were():
    assert (to_pixels(images())[0] == exemplar(16)).all()


def test_without_strength_nothing_changes():
    torch.testing.assert_close(augmented(images(), STILL, torch.Generator()), images(), atol=1e-5, rtol=0)


def test_each_copy_is_warped_otherwise_and_the_same_seed_warps_alike():
    warped = augmented(images(), STRONG, torch.Generator().manual_seed(1))
    assert len({one.numpy().tobytes() for one in warped}) == 50
    assert torch.equal(warped, augmented(images(), STRONG, torch.Generator().manual_seed(1)))


def test_half_are_mirrored_where_that_means_nothing():
    mirrored = augmented(images(), replace(STILL, flip=True), torch.Generator().manual_seed(1))
    same = [torch.allclose(one, images()[0], atol=1e-5) for one in mirrored]
    other = [torch.allclose(one, images()[0].flip(-1), atol=1e-5) for one in mirrored]
    assert 10 < sum(same) < 40
    assert sum(same) + sum(other) == 50
