import json
from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_digits

from stream.sources.datasets.packs import SPLIT_FILE

PARTS = {"teachers": 600, "stream": 800, "test": 397}


def made_split(labels, seed):
    """Order all images so that every stretch of them has the classes in their proportions, then cut three parts."""
    random = np.random.default_rng(seed)
    places = []
    for label in range(10):
        members = random.permutation(np.flatnonzero(labels == label))
        places += [(Fraction(2 * rank + 1, 2 * len(members)), int(index)) for rank, index in enumerate(members)]
    order = [index for _, index in sorted(places)]
    bounds = np.cumsum([0, *PARTS.values()])
    return {part: sorted(order[bounds[n] : bounds[n + 1]]) for n, part in enumerate(PARTS)}


@pytest.fixture(scope="module")
def labels():
    return load_digits().target


@pytest.fixture(scope="module")
def split():
    return json.loads(SPLIT_FILE.read_text())


def test_the_committed_split_is_the_seeded_one(labels, split):
    assert split == made_split(labels, seed=0)


def test_the_parts_have_their_sizes_and_nothing_crosses(split):
    assert {part: len(indices) for part, indices in split.items()} == PARTS
    assert sorted(index for indices in split.values() for index in indices) == list(range(1797))


def test_each_part_has_every_class_in_its_proportion(labels, split):
    whole = np.bincount(labels) / len(labels)
    for indices in split.values():
        assert np.abs(np.bincount(labels[indices]) - whole * len(indices)).max() <= 1.5
