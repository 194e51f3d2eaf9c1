import numpy as np
import pytest

from stream.process.errors import SourceUnavailable
from stream.sources.datasets.packs import load_pack

RANDOM = np.random.default_rng(0)


def arrays(size=28, channels=(), labels=(0, 1, 1, 2), **changed):
    def images():
        return RANDOM.integers(0, 256, (len(labels), size, size, *channels), dtype=np.uint8)

    parts = {"x_train": images(), "x_test": images(), "y_train": np.array(labels), "y_test": np.array(labels)}
    return {**parts, "names": np.array(["cat", "dog", "eel"]), **changed}


def saved(folder, content, name="pets"):
    file = folder / f"{name}.npz"
    np.savez(file, **{key: value for key, value in content.items() if value is not None})
    return file


def test_digits_need_no_file_and_have_the_committed_sizes():
    pack = load_pack("digits", None)
    assert pack.stream_images.shape == (800, 32, 32, 3)
    assert pack.test_images.shape == (397, 32, 32, 3)
    assert pack.stream_images.dtype == np.uint8
    assert pack.stream_labels.dtype == np.int64
    assert pack.names == tuple("0123456789")
    assert (pack.stream_images.min(), pack.stream_images.max()) == (0, 255)


def test_digits_are_grey_and_the_same_each_time():
    pack, again = load_pack("digits", None), load_pack("digits", None)
    np.testing.assert_array_equal(pack.stream_images, again.stream_images)
    np.testing.assert_array_equal(pack.stream_images[..., 0], pack.stream_images[..., 2])


def test_a_named_pack_is_found_in_its_folder_and_padded_to_32(tmp_path):
    content = arrays()
    saved(tmp_path, content, "fashion_mnist")
    pack = load_pack("fashion_mnist", tmp_path)
    assert pack.name == "fashion_mnist"
    assert pack.stream_images.shape == (4, 32, 32, 3)
    for channel in range(3):
        np.testing.assert_array_equal(pack.stream_images[:, 2:30, 2:30, channel], content["x_train"])
    assert not pack.stream_images[:, :2].any()
    assert not pack.stream_images[:, :, 30:].any()


def test_any_npz_file_keeps_its_size_and_colours(tmp_path):
    content = arrays(size=48, channels=(3,))
    pack = load_pack("npz", saved(tmp_path, content))
    np.testing.assert_array_equal(pack.stream_images, content["x_train"])
    np.testing.assert_array_equal(pack.test_images, content["x_test"])
    assert pack.names == ("cat", "dog", "eel")


def test_a_single_channel_is_grey(tmp_path):
    content = arrays(size=20, channels=(1,))
    pack = load_pack("npz", saved(tmp_path, content))
    np.testing.assert_array_equal(pack.stream_images, np.repeat(content["x_train"], 3, axis=3))


def test_the_test_part_may_be_called_val(tmp_path):
    content = arrays()
    content = {key.replace("test", "val"): value for key, value in content.items()}
    assert load_pack("npz", saved(tmp_path, content)).test_labels.tolist() == [0, 1, 1, 2]


def test_labels_become_dense_and_keep_their_names(tmp_path):
    names = np.array(["cat", "dog", "eel", "fox", "gnu"])
    content = arrays(labels=(1, 4, 4, 3), y_test=np.array([4, 4, 1, 1]).reshape(4, 1), names=names)
    pack = load_pack("npz", saved(tmp_path, content))
    assert pack.stream_labels.tolist() == [0, 2, 2, 1]
    assert pack.test_labels.tolist() == [2, 2, 0, 0]
    assert pack.names == ("dog", "fox", "gnu")


def refusal(name, data):
    with pytest.raises(SourceUnavailable) as caught:
        load_pack(name, data)
    return str(caught.value)


def test_an_unknown_name_is_answered_with_the_known_ones():
    assert "fashion_mnist" in refusal("imagenet", None)


def test_a_pack_without_its_data_flag_names_the_flag():
    assert "--data" in refusal("cifar10", None)


def test_a_missing_file_is_named_with_the_remedy(tmp_path):
    sentence = refusal("cifar10", tmp_path)
    assert "cifar10.npz" in sentence
    assert "--data" in sentence


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 torn"], ids=["empty", "text", "torn"])
def test_a_file_that_is_no_pack_is_refused(tmp_path, content):
    file = tmp_path / "pets.npz"
    file.write_bytes(content)
    assert "npz pack" in refusal("npz", file)


def test_a_torn_pack_is_refused(tmp_path):
    file = saved(tmp_path, arrays())
    file.write_bytes(file.read_bytes()[:-200])
    assert "npz pack" in refusal("npz", file)


def test_pickled_arrays_are_never_loaded(tmp_path):
    assert "pickle" in refusal("npz", saved(tmp_path, arrays(names=np.array([{"cat": 1}], dtype=object))))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"x_train": None}, "x_train"),
        ({"x_test": None}, "x_test or x_val"),
        ({"names": None}, "names"),
        ({"x_train": np.zeros((4, 8, 8))}, "float64"),
        ({"x_train": np.zeros((4, 8, 8, 4), np.uint8)}, "[4, 8, 8, 4]"),
        ({"y_train": np.zeros(3, np.int64)}, "as many labels"),
        ({"y_train": np.zeros((4, 2), np.int64)}, "integers"),
        ({"y_train": np.zeros(4)}, "integers"),
        ({"y_train": np.array([0, 1, 2, 3])}, "a name for each label"),
        ({"y_train": np.array([0, 1, 2, -1])}, "a name for each label"),
        ({"x_train": np.zeros((0, 8, 8), np.uint8), "y_train": np.zeros(0, np.int64)}, "as many labels"),
    ],
)
def test_what_a_pack_lacks_is_told(tmp_path, changed, told):
    assert told in refusal("npz", saved(tmp_path, arrays(**changed)))
