import numpy as np
import pytest

from stream.process.errors import SourceUnavailable
from stream.sources.datasets.teacher_part import teacher_part, unseen_part


def seen_in(pictures, others):
    known = {image.tobytes() for image in others.images}
    return sum(image.tobytes() in known for image in pictures.images)


def test_of_the_digits_the_teachers_have_their_own_600():
    pictures = teacher_part("digits", None)
    assert pictures.images.shape == (600, 32, 32, 3)
    assert pictures.labels.dtype == np.int64
    assert np.bincount(pictures.labels).min() >= 55
    stream, test = unseen_part("digits", None)
    assert (len(stream.labels), len(test.labels)) == (800, 397)
    assert seen_in(stream, pictures) == seen_in(test, pictures) == 0


def test_of_any_other_pack_they_have_the_first_half_to_stream(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    labels = np.array([0, 1, 0, 1, 0, 1, 0])
    parts = {"x_train": images, "y_train": labels, "x_test": images[:2], "y_test": labels[:2]}
    np.savez(tmp_path / "cifar10.npz", **parts, names=np.array(["cat", "dog"]))
    pictures = teacher_part("cifar10", tmp_path)
    np.testing.assert_array_equal(pictures.images, images[:3])
    np.testing.assert_array_equal(pictures.labels, labels[:3])
    assert pictures.names == ("cat", "dog")
    stream, test = unseen_part("cifar10", tmp_path)
    np.testing.assert_array_equal(stream.images, images[3:])
    assert len(test.labels) == 2


def test_a_pack_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceUnavailable, match="--data"):
        teacher_part("cifar10", None)
    with pytest.raises(SourceUnavailable):
        unseen_part("cifar10", tmp_path)
