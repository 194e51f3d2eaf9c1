import numpy as np
import pytest
from prometheus_client import REGISTRY

from stream.image_codec import decode_image, encode_jpeg, encode_png
from stream.process.errors import InvalidImage, SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources.folders.image_files import fitted, image_paths, note_skipped, read_image_file
from tests.stream.sources.files import picture, write_picture

SETTINGS = StreamSettings()
NOISE = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)


def limits(**changed):
    return StreamSettings(**changed)


def test_all_image_files_below_a_folder_are_found(tmp_path):
    for name in ("b.JPG", "a.png", "deep/er/c.webp", "d.jpeg", ".hidden.png", ".git/e.png", "notes.txt", "f.png.part"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert sorted(image_paths(tmp_path)) == ["a.png", "b.JPG", "d.jpeg", "deep/er/c.webp"]


def test_a_linked_folder_that_leads_back_is_not_followed(tmp_path):
    write_picture(tmp_path, "a.png", 1)
    (tmp_path / "again").symlink_to(tmp_path)
    assert image_paths(tmp_path) == ["a.png"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceUnavailable, match="absent"):
        image_paths(tmp_path / "absent")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceUnavailable, match="name another"):
        image_paths(tmp_path / "file")


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_files_own_bytes_travel(tmp_path, name):
    data = write_picture(tmp_path, name, 7)
    image = read_image_file(tmp_path / name, SETTINGS)
    assert image.data == data
    assert image.content_type == {"a.png": "image/png", "a.jpg": "image/jpeg"}[name]


def test_the_bytes_decide_not_the_name(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_jpeg(picture(3), 90))
    assert read_image_file(tmp_path / "a.png", SETTINGS).content_type == "image/jpeg"


@pytest.mark.parametrize("changed", [{"max_image_pixels": 1000}, {"max_image_bytes": 2000}])
def test_a_file_beyond_the_limits_is_made_to_fit(tmp_path, changed):
    (tmp_path / "a.png").write_bytes(encode_png(NOISE))
    settings = limits(**changed)
    image = read_image_file(tmp_path / "a.png", settings)
    pixels = decode_image(image.data, settings.max_image_bytes, settings.max_image_pixels)
    assert pixels.shape[1] / pixels.shape[0] == pytest.approx(1.5, rel=0.1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty_body"), (b"text", "not_an_image"), (encode_png(NOISE)[:500], "truncated")],
    ids=["empty", "text", "torn"],
)
def test_a_broken_file_is_refused_with_its_reason(tmp_path, data, reason):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InvalidImage) as refused:
        read_image_file(tmp_path / "a.png", SETTINGS)
    assert refused.value.reason == reason


def test_a_file_that_went_away_is_refused(tmp_path):
    with pytest.raises(InvalidImage) as refused:
        read_image_file(tmp_path / "a.png", SETTINGS)
    assert refused.value.reason == "unreadable"


def test_what_fits_stays_lossless_unless_it_was_jpeg():
    np.testing.assert_array_equal(decode_image(fitted(NOISE, "image/webp", SETTINGS).data, 10**6, 10**6), NOISE)
    assert fitted(NOISE, "image/jpeg", SETTINGS).content_type == "image/jpeg"


def test_limits_that_nothing_can_meet_are_told():
    with pytest.raises(InvalidImage, match="max_image_bytes"):
        fitted(NOISE, "image/png", limits(max_image_bytes=10))


def test_what_is_left_out_is_counted_by_its_reason():
    def count():
        return REGISTRY.get_sample_value("r2r_feed_files_skipped_total", {"reason": "torn_for_test"}) or 0

    before = count()
    note_skipped("a.png", InvalidImage("a.png is torn", reason="torn_for_test"))
    assert count() == before + 1
