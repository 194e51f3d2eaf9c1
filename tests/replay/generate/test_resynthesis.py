import itertools

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from replay.generate.resynthesis import Resynthesis, Spread
from replay.subject import Subject
from tests.replay.small import exemplar

SEEDS = range(40)


def distance(strength, image):
    generated = Resynthesis(strength).generate(Subject("", [image]), SEEDS)
    return np.mean([np.abs(one - image.astype(float)).mean() for one in generated])


def test_without_strength_the_exemplars_are_copied():
    exemplars = [exemplar(16, seed) for seed in range(3)]
    generated = Resynthesis(0.0).generate(Subject("", exemplars), SEEDS)
    copied = [[np.array_equal(one, exemplar) for exemplar in exemplars].index(True) for one in generated]
    assert set(copied) == {0, 1, 2}


def test_the_stronger_the_further_from_the_exemplars():
    image = np.zeros((32, 32, 3), np.uint8)
    image[8:24, 12:20] = 200
    distances = [distance(strength, image) for strength in (0.0, 0.5, 1.0, 2.0)]
    assert distances[0] == 0
    assert all(stronger > 1.3 * weaker for weaker, stronger in itertools.pairwise(distances[1:]))


def test_images_of_different_seeds_differ():
    generated = Resynthesis(1.0).generate(Subject("", [exemplar(16)]), SEEDS)
    assert len({image.tobytes() for image in generated}) == len(SEEDS)


def test_a_share_stays_a_share():
    assert Spread().times(3.0).blend == 1.0
    assert Spread().times(0.5).turn_degrees == 3.0


def test_a_classifier_recognises_the_digit_that_generated_ones_come_from():
    digits = load_digits()
    real, labels = digits.images[:900] * 15.9, digits.target[:900]
    judge = KNeighborsClassifier(3).fit(real.reshape(900, -1), labels)
    right = 0
    for label in range(10):
        own = digits.images[900:][digits.target[900:] == label][:5] * 15.9
        exemplars = [np.repeat(image.astype(np.uint8)[:, :, None], 3, axis=2) for image in own]
        generated = np.stack(Resynthesis(1.0).generate(Subject("", exemplars), range(20)))
        right += (judge.predict(generated[..., 0].reshape(20, -1)) == label).sum()
    assert right / 200 > 0.85
