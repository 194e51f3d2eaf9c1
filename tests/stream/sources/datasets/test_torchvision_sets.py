import struct

import numpy as np
import pytest

from stream.image_codec import decode_image
from stream.process.errors import InvalidImage, SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources.datasets.torchvision_sets import open_torchvision
from tests.stream.sources.files import write_picture

SETTINGS = StreamSettings()
LABELS = [3, 1, 9, 1]


@pytest.fixture
def mnist(tmp_path):
    """Write an MNIST of four images, in its own format."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = np.arange(4 * 28 * 28).reshape(4, 28, 28).astype(np.uint8)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, 4, 28, 28) + images.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, 4) + bytes(LABELS))
    return tmp_path, images


def test_images_and_labels_of_the_training_part_are_read(mnist):
    folder, images = mnist
    opened = open_torchvision("MNIST", folder, False, SETTINGS)
    assert opened.stream_labels.tolist() == [1, 0, 2, 0]
    assert opened.stream_labels.dtype == np.int64
    assert opened.names == ("1 - one", "3 - three", "9 - nine")
    image = opened.encoded(2)
    assert image.content_type == "image/png"
    pixels = decode_image(image.data, 10**6, 10**6)
    assert pixels.shape == (32, 32, 3)
    np.testing.assert_array_equal(pixels[2:30, 2:30, 1], images[2])


@pytest.fixture
def eurosat(tmp_path):
    """Write a EuroSAT, which has no parts: two classes of one image each, the second broken."""
    for value, name in ((40, "Forest"), (80, "River")):
        write_picture(tmp_path / "eurosat" / "2750", f"{name}/1.jpg", value)
    (tmp_path / "eurosat" / "2750" / "River" / "1.jpg").write_bytes(b"no image")
    return tmp_path


def test_a_set_without_parts_is_taken_whole(eurosat):
    opened = open_torchvision("EuroSAT", eurosat, False, SETTINGS)
    assert opened.names == ("Forest", "River")
    assert decode_image(opened.encoded(0).data, 10**6, 10**6).shape == (8, 8, 3)


def test_an_image_that_cannot_be_read_is_refused_with_a_reason(eurosat):
    with pytest.raises(InvalidImage) as refused:
        open_torchvision("EuroSAT", eurosat, False, SETTINGS).encoded(1)
    assert refused.value.reason == "unreadable"


def refusal(name, data, download=False):
    with pytest.raises(SourceUnavailable) as told:
        open_torchvision(name, data, download, SETTINGS)
    return str(told.value)


def test_missing_files_are_told_with_both_remedies(tmp_path):
    sentence = refusal("CIFAR10", tmp_path)
    assert "--data" in sentence
    assert "--download" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "name", ["Imagenette2", "mnist", "FakeData", "VisionDataset", "wrap_dataset_for_transforms_v2"]
)
def test_a_name_that_is_no_labelled_set_is_told(tmp_path, name):
    assert "MNIST" in refusal(name, tmp_path)


def test_without_a_folder_the_flag_is_named():
    assert "--data" in refusal("MNIST", None)


def test_a_set_whose_labels_are_no_numbers_is_told(tmp_path):
    moving = np.zeros((20, 4, 64, 64), np.uint8)
    (tmp_path / "MovingMNIST").mkdir()
    np.save(tmp_path / "MovingMNIST" / "mnist_test_seq.npy", moving)
    assert "whole number" in refusal("MovingMNIST", tmp_path)
