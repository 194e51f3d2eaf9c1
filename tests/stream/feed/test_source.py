import json
import struct
import threading
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pytest

from stream.feed.flags import feed_flags
from stream.feed.source import open_source
from stream.process.errors import R2RError
from stream.process.home import Home
from stream.process.settings import StreamSettings
from tests.stream.sources.files import write_picture
from tests.stream.sources.videos import write_video

SETTINGS = StreamSettings()
STARTED_AT_MS = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def opened(tmp_path):
    found = []

    def open_flags(*words):
        flags = feed_flags().parse_args([str(word) for word in words])
        found.append(open_source(flags, SETTINGS, Home(tmp_path / "home"), threading.Event(), STARTED_AT_MS))
        return found[-1]

    yield open_flags
    for each in found:
        each.source.close()


def frames(opening, limit=10_000):
    return opening.source.next_frames(limit)


def refusal(opened, *words):
    with pytest.raises(R2RError) as told:
        opened(*words)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_digits_are_the_default_data_set(opened):
    opening = opened("dataset", "--limit", 5, "--rate", 25)
    assert (opening.total_frames, opening.frames_per_second, opening.dealt) == (5, 25.0, True)
    given = frames(opening)
    assert len(given) == 5
    assert {item.truth.name for item in given} <= {"0", "1"}
    assert given[0].frame.source.startswith("digits-20260102T030405Z")


@pytest.mark.parametrize("order", ["class_incremental", "gradual", "blurry", "recurring", "shuffled"])
def test_every_order_streams_every_image(opened, order):
    assert opened("dataset", "--order", order).total_frames == 800


def test_drifts_are_laid_over_the_images_and_their_truth_is_written(opened, tmp_path):
    plain = frames(opened("dataset", "--limit", 8, "--source-name", "desk"))
    drifting = opened("dataset", "--limit", 8, "--source-name", "desk", "--drift", "inversion:5@4")
    given = frames(drifting)
    assert given[:4] == plain[:4]
    assert all(one.frame.image != other.frame.image for one, other in zip(given[4:], plain[4:], strict=True))
    (line,) = (tmp_path / "home" / "feeds" / "desk.drifts.jsonl").read_text().splitlines()
    assert json.loads(line)["first_identity"] == given[4].frame.identity


def test_the_truth_of_drifts_goes_where_it_is_asked_for(opened, tmp_path):
    opened("dataset", "--drift", "blur:1@4", "--drift", "noise:2@0+9", "--drift-truth", tmp_path / "truth.jsonl")
    assert len((tmp_path / "truth.jsonl").read_text().splitlines()) == 2


def test_an_image_tree_a_pack_and_a_torchvision_set_are_data_sets(opened, tmp_path):
    for path in ("cat/a.png", "dog/b.png"):
        write_picture(tmp_path / "tree", path, 9)
    images = np.zeros((2, 8, 8), np.uint8)
    parts = {"x_train": images, "x_test": images, "y_train": np.array([0, 1]), "y_test": np.array([0, 1])}
    np.savez(tmp_path / "pets.npz", names=np.array(["cat", "dog"]), **parts)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, 2, 28, 28) + bytes(2 * 28 * 28))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, 2) + bytes([0, 1]))
    for name, data in (("image_tree", "tree"), ("npz", "pets.npz"), ("torchvision:MNIST", ".")):
        given = frames(opened("dataset", "--name", name, "--data", tmp_path / data))
        assert sorted(item.truth.label for item in given) == [0, 1]
        assert given[0].frame.source.startswith(name.replace(":", "-") + "-2")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--name", "imagenet"], "torchvision:NAME"),
        (["--name", "image_tree"], "--data"),
        (["--name", "cifar10"], "--data"),
        (["--name", "torchvision:MNIST"], "--data"),
        (["--name", "torchvision:Nothing", "--data", "."], "CIFAR100"),
        (["--drift", "fog:3@4"], "noise:3@400"),
        (["--drift-truth", "truth.jsonl"], "--drift noise:3@400"),
    ],
)
def test_what_a_data_set_lacks_is_told_in_one_sentence(opened, words, told):
    assert told in refusal(opened, "dataset", *words)


def test_a_folder_goes_on_under_the_same_name_and_begins_anew_under_another(opened, tmp_path):
    write_picture(tmp_path / "my pictures", "a.png", 1)
    first = opened("folder", tmp_path / "my pictures")
    (one,) = frames(first)
    first.folder.delivered()
    first.source.close()
    assert one.frame.source.startswith("my-pictures-2")
    write_picture(tmp_path / "my pictures", "b.png", 2)
    (two,) = frames(opened("folder", tmp_path / "my pictures"))
    assert (two.frame.source, two.frame.sequence) == (one.frame.source, 1)
    named = frames(opened("folder", tmp_path / "my pictures", "--source-name", "my desk", "--order", "name"))
    assert [item.frame.identity for item in named] == ["my desk|0:a.png", "my desk|1:b.png"]


def test_a_folder_tells_what_became_of_each_picture(opened, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()

    def told(*flags, take=10):
        opening = opened("folder", pictures, *flags)
        sent = len(frames(opening, take))
        opening.folder.delivered()
        opening.source.close()
        return sent, opening.account(sent)

    assert told() == (0, f"; no picture (.jpg, .jpeg, .png, .webp) was found below {pictures}")
    for name in ("a.png", "b.png", "c.png"):
        write_picture(pictures, name, 1)
    assert told(take=2) == (2, "; of 3 pictures 0 known from before, 0 unreadable, 1 unsent")
    assert told() == (1, "; of 3 pictures 2 known from before, 0 unreadable, 0 unsent")
    assert told() == (0, "; of 3 pictures 3 known from before, 0 unreadable, 0 unsent")
    (pictures / "bad.png").write_bytes(b"no image")
    log = tmp_path / "home" / "logs" / "feed.log"
    assert told() == (0, f"; of 4 pictures 3 known from before, 1 unreadable (named in {log}), 0 unsent")


def test_frames_that_a_stopped_feed_was_given_and_did_not_send_are_unsent(opened, tmp_path):
    write_picture(tmp_path / "pictures", "a.png", 1)
    opening = opened("folder", tmp_path / "pictures")
    assert len(frames(opening)) == 1
    assert opening.account(0) == "; of 1 pictures 0 known from before, 0 unreadable, 1 unsent"


def test_two_folders_of_one_name_have_journals_of_their_own(opened, tmp_path):
    for parent in ("x", "y"):
        write_picture(tmp_path / parent / "pictures", "a.png", 1)
        assert len(frames(opened("folder", tmp_path / parent / "pictures"))) == 1


def test_a_folder_that_is_not_there_is_told_and_leaves_nothing_behind(opened, tmp_path):
    assert "absent" in refusal(opened, "folder", tmp_path / "absent")
    assert not (tmp_path / "home").exists()


def test_a_camera_takes_its_flags(opened, tmp_path):
    clip = write_video(tmp_path / "front door.mp4", range(0, 200, 20))
    opening = opened("camera", clip, "--rate", 5, "--crop", "20x10+0+0", "--quality", 50, "--option", "threads=1")
    with closing(opening.source):
        given = frames(opening)
        while more := frames(opening):
            given += more
    assert given[0].frame.source.startswith("front-door/2")
    assert opening.account(len(given)) == "; of 10 pictures 5 left out by --rate, 0 dropped, 0 unsent"
    assert frames(opened("camera", clip, "--source-name", "door"))[0].frame.identity == "door|0"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["absent.mp4"], "check the address"),
        (["absent.mp4", "--crop", "20x10"], "640x360+0+0"),
        (["absent.mp4", "--resize", "20"], "64x36"),
        (["absent.mp4", "--option", "threads"], "rtsp_transport=udp"),
    ],
)
def test_what_is_wrong_with_a_camera_is_told_in_one_sentence(opened, words, told):
    assert told in refusal(opened, "camera", *words)


@pytest.mark.parametrize(
    "words",
    [
        ["dataset", "--rate", "-1"],
        ["dataset", "--rate", "nan"],
        ["dataset", "--limit", "0"],
        ["dataset", "--limit", "2.5"],
        ["dataset", "--order", "sorted"],
        ["folder", ".", "--every", "0.01"],
        ["camera", "0", "--quality", "96"],
        ["tape"],
        [],
    ],
)
def test_flags_that_are_no_such_numbers_or_words_are_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        feed_flags().parse_args(words)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err
