import numpy as np
import pytest

from replay.teachers.calibration import fitted_temperature, split_for_calibration
from stream.sources.datasets.teacher_part import teacher_part


def test_a_tenth_of_each_class_is_held_out():
    pictures = teacher_part("digits", None)
    learned, held_out = split_for_calibration(pictures)
    assert len(learned.labels) + len(held_out.labels) == 600
    assert set(np.bincount(held_out.labels)) <= {5, 6, 7}
    assert not {image.tobytes() for image in learned.images} & {image.tobytes() for image in held_out.images}


@pytest.mark.parametrize("temperature", [0.02, 0.1, 0.4])
def test_the_temperature_that_drew_the_labels_is_found_again(temperature):
    draws = np.random.default_rng(0)
    cosines_NV = draws.uniform(-1, 1, (4000, 5)).astype(np.float32)
    noise_NV = draws.gumbel(size=cosines_NV.shape)  # the largest of these sums is a draw from the softmax
    labels_N = (cosines_NV / temperature + noise_NV).argmax(axis=1)
    assert fitted_temperature(cosines_NV, labels_N) == pytest.approx(temperature, rel=0.1)
