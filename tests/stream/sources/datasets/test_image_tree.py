import numpy as np
import pytest

from stream.image_codec import decode_image
from stream.process.errors import SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.image_tree import read_image_tree
from tests.stream.sources.files import picture, write_picture

SETTINGS = StreamSettings()


@pytest.fixture
def folder(tmp_path):
    for value, path in enumerate(("eel/1.png", "cat/b.jpg", "cat/a.png", "dog/2020/x.png", "loose.png")):
        write_picture(tmp_path, path, value * 10, size=8 + value)
    return tmp_path


def test_each_folder_is_a_class_and_order_is_by_name(folder):
    tree = read_image_tree(folder, SETTINGS)
    assert tree.names == ("cat", "dog", "eel")
    assert list(tree.paths) == ["cat/a.png", "cat/b.jpg", "dog/2020/x.png", "eel/1.png"]
    assert tree.stream_labels.tolist() == [0, 0, 1, 2]
    assert tree.stream_labels.dtype == np.int64


def test_files_travel_as_they_are_whatever_their_size(folder):
    tree = read_image_tree(folder, SETTINGS)
    for index, path in enumerate(tree.paths):
        assert tree.encoded(index).data == (folder / path).read_bytes()


def test_a_file_is_read_when_it_is_asked_for(folder):
    tree = read_image_tree(folder, SETTINGS)
    write_picture(folder, "eel/1.png", 99)
    np.testing.assert_array_equal(decode_image(tree.encoded(3).data, 10**6, 10**6), picture(99))


def test_a_broken_file_is_left_out_and_sequences_have_no_gap(folder):
    (folder / "cat" / "b.jpg").write_bytes(b"\xff\xd8\xff torn")
    tree = read_image_tree(folder, SETTINGS)
    source = DatasetSource(tree, range(4), sources=2, name="zoo")
    given = source.next_frames(4)
    assert [item.truth.name for item in given] == ["cat", "dog", "eel"]
    assert [item.frame.identity for item in given] == ["zoo/0|0", "zoo/1|0", "zoo/0|1"]
    assert source.position == 3
    assert source.next_frames(4) == []


def test_a_folder_without_classes_names_the_other_way(tmp_path):
    write_picture(tmp_path, "loose.png", 1)
    with pytest.raises(SourceUnavailable, match="feed folder"):
        read_image_tree(tmp_path, SETTINGS)
