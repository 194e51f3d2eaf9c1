from dataclasses import replace

import numpy as np
import pytest

from stream.image_codec import decode_image
from stream.process.errors import SourceUnavailable
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.packs import load_pack


@pytest.fixture(scope="module")
def pack():
    return load_pack("digits", None)


def test_frames_are_dealt_over_the_sources_each_with_its_own_sequence(pack):
    frames = [given.frame for given in DatasetSource(pack, range(7), sources=3, name="digits-a").next_frames(7)]
    assert [frame.source for frame in frames] == [f"digits-a/{n}" for n in (0, 1, 2, 0, 1, 2, 0)]
    assert [frame.sequence for frame in frames] == [0, 0, 0, 1, 1, 1, 2]
    assert [frame.id for frame in frames] == ["0", "0", "0", "1", "1", "1", "2"]
    assert {frame.content_type for frame in frames} == {"image/png"}


def test_images_and_labels_follow_the_order(pack):
    order = [5, 700, 3]
    given = DatasetSource(pack, order, sources=2, name="digits").next_frames(10)
    for index, item in zip(order, given, strict=True):
        np.testing.assert_array_equal(decode_image(item.frame.image, 10_000, 1024), pack.stream_images[index])
        assert item.truth.label == pack.stream_labels[index]
        assert item.truth.name == pack.names[item.truth.label]


def test_frames_do_not_depend_on_labels(pack):
    permuted = replace(pack, stream_labels=np.random.default_rng(0).permutation(pack.stream_labels))
    one, other = (DatasetSource(each, range(20), 3, "digits").next_frames(20) for each in (pack, permuted))
    assert [item.frame for item in one] == [item.frame for item in other]
    assert [item.truth for item in one] != [item.truth for item in other]


def test_a_closed_source_says_so(pack):
    source = DatasetSource(pack, range(3), sources=1, name="digits")
    source.close()
    with pytest.raises(SourceUnavailable, match="open it again"):
        source.next_frames(1)
