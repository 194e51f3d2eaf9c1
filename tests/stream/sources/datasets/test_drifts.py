import json

import numpy as np
import pytest

from stream.process.errors import InvalidSetting
from stream.sources.datasets.drifts import KINDS, Drift, drift_of, drifted, write_drift_truth

RAMP = np.linspace(0, 255, 32 * 32 * 3).astype(np.uint8).reshape(32, 32, 3)
BLACK = np.zeros((32, 32, 3), np.uint8)


def changed(kind, severity, image=RAMP, place=0, seed=0, span=0):
    return drifted(image, [Drift(kind, severity, 0, span)], place, seed)


def distance(one, other):
    return np.abs(one.astype(float) - other.astype(float)).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_each_severity_changes_more_than_the_one_before(kind):
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8) if kind == "blur" else RAMP
    far = [distance(changed(kind, severity, image), image) for severity in range(1, 6)]
    assert far == sorted(far)
    assert far[0] > 0
    assert len(set(far)) == 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(32, 32), (8, 8), (40, 24), (1, 5)])
def test_size_and_type_stay(kind, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    result = changed(kind, 5, image)
    assert (result.shape, result.dtype) == (image.shape, np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_depends_neither_on_the_frames_before_it_nor_on_what_is_done_with_them(kind):
    image = RAMP.copy()
    forward = {place: changed(kind, 3, image, place, seed=1).copy() for place in range(4)}
    for place in (2, 0, 3, 1):
        frame = changed(kind, 3, image, place, seed=1)
        np.testing.assert_array_equal(frame, forward[place])
        frame[:] = 0
    np.testing.assert_array_equal(image, RAMP)


def test_noise_differs_from_frame_to_frame_and_seed_to_seed():
    one = changed("noise", 3, place=7, seed=1)
    assert distance(one, changed("noise", 3, place=8, seed=1)) > 1
    assert distance(one, changed("noise", 3, place=7, seed=2)) > 1


def test_nothing_changes_before_the_first_frame():
    np.testing.assert_array_equal(drifted(RAMP, [Drift("inversion", 5, 10)], 9, 0), RAMP)
    np.testing.assert_array_equal(drifted(RAMP, [Drift("inversion", 5, 10)], 10, 0), 255 - RAMP)


def test_a_gradual_drift_grows_linearly_to_the_severity_of_the_table():
    drift = [Drift("brightness", 5, 0, span_frames=10)]
    values = [int(drifted(BLACK, drift, place, 0)[0, 0, 0]) for place in (0, 4, 9, 50)]
    assert values == pytest.approx([255 * 0.3 * share for share in (0.1, 0.5, 1, 1)], abs=1)


def test_drifts_are_laid_over_each_other_in_their_order():
    both = drifted(BLACK, [Drift("brightness", 5, 0), Drift("inversion", 5, 0)], 0, 0)
    other = drifted(BLACK, [Drift("inversion", 5, 0), Drift("brightness", 5, 0)], 0, 0)
    assert int(both[0, 0, 0]) == pytest.approx(255 * 0.7, abs=1)
    assert int(other[0, 0, 0]) == 255


def test_brightness_is_that_of_hsv_and_keeps_the_hue():
    image = np.full((2, 2, 3), (100, 50, 0), np.uint8)
    np.testing.assert_allclose(changed("brightness", 3, image)[0, 0], [100 + 38.25, 50 * 1.3825, 0], atol=0.5)


def test_noise_has_the_deviation_of_the_table():
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert changed("noise", 4, grey).std() / 255 == pytest.approx(0.09, rel=0.05)


def test_blur_grows_with_the_image():
    point = np.zeros((64, 64, 3), np.uint8)
    point[32, 32] = 255
    assert int(changed("blur", 5, point)[32, 32, 0]) == pytest.approx(255 / (2 * np.pi * 2.0**2), abs=1)


def test_rotation_turns_counterclockwise():
    image = BLACK.copy()
    image[0:16, 16] = 255
    turned = changed("rotation", 5, image)[..., 0].astype(float)
    rows, columns = np.nonzero(turned > 60)
    assert columns[rows < 8].mean() < 12


def test_inversion_of_low_severity_turns_only_the_brightest():
    result = changed("inversion", 1)
    assert (result[RAMP < 200] == RAMP[RAMP < 200]).all()
    assert result.max() < 210


@pytest.mark.parametrize("text", ["blur", "blur:0@4", "blur:6@4", "fog:3@4", "blur:3", "blur:3@-1", "blur:3@4+", ""])
def test_what_is_no_drift_is_told_how_one_is_written(text):
    with pytest.raises(InvalidSetting, match="noise:3@400"):
        drift_of(text)


def test_the_truth_is_one_line_for_each_drift(tmp_path):
    file = tmp_path / "deep" / "truth.jsonl"
    drifts = [drift_of("blur:3@400"), drift_of("noise:5@10+20")]
    write_drift_truth(file, drifts, lambda number: f"desk/0|{number}", seed=7)
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {
            "kind": "blur",
            "severity": 3,
            "first_frame": 400,
            "span_frames": 0,
            "first_identity": "desk/0|400",
            "seed": 7,
        },
        {
            "kind": "noise",
            "severity": 5,
            "first_frame": 10,
            "span_frames": 20,
            "first_identity": "desk/0|10",
            "seed": 7,
        },
    ]


def test_a_truth_that_cannot_be_written_names_the_flag(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidSetting, match="--drift-truth"):
        write_drift_truth(tmp_path / "file" / "truth.jsonl", [], str, seed=0)
