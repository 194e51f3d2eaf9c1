import numpy as np
import pytest

from stream.image_codec import decode_image
from stream.process.settings import StreamSettings
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.drifting import DriftingSource
from stream.sources.datasets.drifts import Drift, drifted
from stream.sources.datasets.image_tree import read_image_tree
from stream.sources.datasets.packs import load_pack
from tests.stream.sources.files import write_picture

SETTINGS = StreamSettings()
NOISE = [Drift("noise", 3, first_frame=5)]


@pytest.fixture(scope="module")
def pack():
    return load_pack("digits", None)


def drifting(pack, drifts, seed=0):
    return DriftingSource(DatasetSource(pack, range(10), 3, "desk"), drifts, seed, SETTINGS)


def test_frames_before_the_drift_keep_their_bytes_and_later_ones_are_changed(pack):
    plain = DatasetSource(pack, range(10), 3, "desk").next_frames(10)
    given = drifting(pack, NOISE).next_frames(10)
    assert given[:5] == plain[:5]
    for number in range(5, 10):
        expected = drifted(pack.stream_images[number], NOISE, number, seed=0)
        np.testing.assert_array_equal(decode_image(given[number].frame.image, 10**6, 10**6), expected)


def test_identities_and_labels_stay(pack):
    plain = DatasetSource(pack, range(10), 3, "desk").next_frames(10)
    given = drifting(pack, NOISE).next_frames(10)
    assert [item.frame.identity for item in given] == [item.frame.identity for item in plain]
    assert [item.truth for item in given] == [item.truth for item in plain]


def test_a_resend_is_bit_for_bit_the_same_however_it_is_asked_for(pack):
    one = drifting(pack, NOISE).next_frames(10)
    source = drifting(pack, NOISE)
    assert [frame for _ in range(4) for frame in source.next_frames(3)] == one
    assert drifting(pack, NOISE, seed=1).next_frames(10) != one


def test_jpeg_stays_jpeg(tmp_path):
    data = write_picture(tmp_path, "cat/a.jpg", 40)
    tree = read_image_tree(tmp_path, SETTINGS)
    (given,) = DriftingSource(DatasetSource(tree, [0], 1, "zoo"), [Drift("inversion", 5, 0)], 0, SETTINGS).next_frames(
        1
    )
    assert given.frame.content_type == "image/jpeg"
    assert given.frame.image != data
    assert decode_image(given.frame.image, 10**6, 10**6).mean() > 180
