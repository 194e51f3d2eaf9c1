import numpy as np
import torch

from learner.intake.admission import admit, prepare
from learner.intake.resends import ResendWindows, SequenceWindow
from learner.intake.window import Place
from stream.image_codec import encode_jpeg, encode_png
from stream.log import Record
from tests.learner.small import PREPROCESSING, decode, digits_frames

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def record(value, headers=(), partition=0, offset=0):
    return Record(partition, offset, 0, None, value, tuple(headers))


def admitted(records, resends=None):
    return admit(records, "frames", resends or ResendWindows(), decode, PREPROCESSING)


def framed(frame, offset):
    _, value, headers = frame.to_record()
    return record(value, headers, offset=offset)


def test_frames_are_admitted_in_order_with_their_places_and_pixels():
    frames = digits_frames(0, 6)
    found = admitted([framed(frame, offset) for offset, frame in enumerate(frames, 10)])
    assert found.places == [Place(0, offset) for offset in range(10, 16)]
    expected = torch.stack([prepare(decode(frame.image), PREPROCESSING) for frame in frames])
    assert torch.equal(found.images_NCSS, expected)
    assert (found.rejected, found.resent) == ([], 0)


def test_images_of_different_sizes_keep_their_order_and_their_bits():
    draw = np.random.default_rng(1)
    sizes = [(20, 30), (8, 8), (20, 30), (700, 900), (8, 8), (2000, 1500), (20, 30), (700, 900)]
    images = [np.tile(draw.integers(0, 256, (4, 2, 3), dtype=np.uint8), (h // 4, w // 2, 1)) for h, w in sizes]
    found = admitted([record(encode_png(image), offset=offset) for offset, image in enumerate(images)])
    assert torch.equal(found.images_NCSS, torch.stack([prepare(image, PREPROCESSING) for image in images]))


def test_bad_records_are_refused_with_their_reason_and_the_rest_goes_on():
    jpeg = encode_jpeg(IMAGE, 90)
    bad = {
        "empty_body": record(b""),
        "not_an_image": record(b"hello, this is text"),
        "truncated": record(jpeg[: len(jpeg) // 2]),
        "bad_header": record(jpeg, [("ce_source", b"a"), ("ce_id", b"1"), ("ce_sequence", b"first")]),
        "unknown_format": record(jpeg, [("ce_r2rversion", b"2.0")]),
    }
    found = admitted([*bad.values(), record(jpeg, offset=5)])
    assert [rejected.error.reason for rejected in found.rejected] == list(bad)
    assert [rejected.record for rejected in found.rejected] == list(bad.values())
    assert found.places == [Place(0, 5)]


def test_a_resend_is_dropped_and_counted():
    frames = [*digits_frames(0, 3), digits_frames(0, 1)[0]]
    found = admitted([framed(frame, offset) for offset, frame in enumerate(frames)])
    assert [place.offset for place in found.places] == [0, 1, 2]
    assert found.resent == 1


def test_resends_are_known_across_micro_tasks():
    frame = digits_frames(0, 1)[0]
    first = admitted([framed(frame, 0)])
    assert len(first.places) == 1
    assert admitted([framed(frame, 1)], first.resends).resent == 1


def test_the_windows_that_are_given_are_not_changed():
    before = ResendWindows({"camera": SequenceWindow(1, 1)})
    after = admitted([framed(frame, offset) for offset, frame in enumerate(digits_frames(0, 3))], before).resends
    assert before == ResendWindows({"camera": SequenceWindow(1, 1)})
    assert len(after.by_source) == 4


def test_a_frame_that_was_bad_may_be_sent_again_whole():
    good = digits_frames(0, 1)[0]
    _, value, headers = good.to_record()
    bad = admitted([record(value[:-30], headers)])
    assert len(bad.rejected) == 1
    assert len(admitted([framed(good, 1)], bad.resends).places) == 1


def test_a_plain_jpeg_without_headers_is_a_frame_known_by_its_place_in_the_log():
    jpeg = encode_jpeg(IMAGE, 90)
    found = admitted([record(jpeg, offset=3), record(jpeg, offset=4), record(jpeg, partition=1, offset=4)])
    assert found.places == [Place(0, 3), Place(0, 4), Place(1, 4)]
    forged = record(encode_png(IMAGE), [("ce_source", b"frames/0"), ("ce_id", b"1"), ("ce_sequence", b"9" * 18)])
    assert len(admitted([forged, record(jpeg, offset=5)], found.resends).places) == 2


def test_a_source_that_does_not_count_is_never_taken_for_a_resend():
    same = record(encode_png(IMAGE), [("ce_source", b"camera"), ("ce_id", b"1")])
    assert len(admitted([same, same]).places) == 2


def test_nothing_admitted_is_an_empty_batch_of_the_right_shape():
    assert admitted([]).images_NCSS.shape == (0, 3, 32, 32)
