import json

import pytest

from replay.request_check import RequestCheck
from replay.settings import ReplaySettings
from stream.image_codec import encode_png
from stream.process.errors import InvalidMessage, UnknownFormat
from stream.process.settings import StreamSettings
from tests.replay.small import MODEL, exemplar, record_of, request

SETTINGS = ReplaySettings(most_images=10, most_exemplar_pixels=100)
CHECK = RequestCheck(MODEL, StreamSettings(max_image_pixels=1000), SETTINGS)
PNG = encode_png(exemplar(8))


def raw(**changed):
    return json.dumps(json.loads(request().to_bytes()) | changed).encode()


def without(key):
    body = json.loads(request().to_bytes())
    del body[key]
    return json.dumps(body).encode()


POISONED = {
    "tombstone": (None, "not_json"),
    "empty": (b"", "not_json"),
    "text": (b"paint me a cat", "not_json"),
    "binary": (bytes(range(256)), "not_json"),
    "deep": (b"[" * 100_000, "not_json"),
    "list": (b"[]", "wrong_kind"),
    "another_kind": (raw(format="r2r.replay-samples/1.0"), "wrong_kind"),
    "incomplete": (without("seed"), "incomplete"),
    "exemplars_are_no_base64": (raw(exemplars=["%%%"]), "incomplete"),
    "exemplars_are_a_number": (raw(exemplars=5), "incomplete"),
    "images_are_text": (raw(images="many"), "incomplete"),
    "images_are_a_fraction": (raw(images=2.5), "incomplete"),
    "images_are_true": (raw(images=True), "incomplete"),
    "expiry_is_null": (raw(expires_at_ms=None), "incomplete"),
    "id_is_empty": (raw(id=""), "bad_id"),
    "id_is_no_text_that_can_be_written": (raw(id="\ud800"), "incomplete"),
    "id_is_too_long": (raw(id="m" * 201), "bad_id"),
    "for_another_model": (raw(model="dogs"), "other_model"),
    "seed_below_0": (raw(seed=-1), "bad_seed"),
    "no_images": (raw(images=0), "bad_count"),
    "below_no_images": (raw(images=-3), "bad_count"),
    "too_many_images": (raw(images=11), "bad_count"),
    "no_exemplars": (raw(exemplars=[]), "no_exemplars"),
    "too_many_exemplars": (request(exemplars=(PNG,) * 6).to_bytes(), "too_many_exemplars"),
    "too_many_members": (request(members=(PNG,) * 17).to_bytes(), "too_many_members"),
    "members_are_no_base64": (raw(members=["%%%"]), "incomplete"),
}
BAD_EXEMPLARS = {
    "text": (b"hello", "not_an_image"),
    "empty": (b"", "empty_body"),
    "cut": (PNG[:-30], "truncated"),
    "many_pixels": (encode_png(exemplar(11)), "too_many_pixels"),
}


@pytest.mark.parametrize("case", POISONED)
def test_what_cannot_be_served_is_refused_with_its_reason(case):
    value, reason = POISONED[case]
    with pytest.raises(InvalidMessage) as caught:
        CHECK.read(record_of(value))
    assert caught.value.reason == reason
    str(caught.value).encode()  # it becomes a header


@pytest.mark.parametrize("case", BAD_EXEMPLARS)
def test_an_exemplar_that_is_no_small_image_is_refused_with_its_reason(case):
    bad, reason = BAD_EXEMPLARS[case]
    with pytest.raises(InvalidMessage) as caught:
        CHECK.subject(request(exemplars=(PNG, bad)))
    assert caught.value.reason == reason


def test_a_good_request_is_read_and_its_exemplars_keep_their_order():
    images = [exemplar(8, seed) for seed in range(5)]
    wanted = request(images=10, name="cat", exemplars=tuple(encode_png(image) for image in images))
    read = CHECK.read(record_of(wanted.to_bytes()))
    assert read.id == wanted.id
    subject = CHECK.subject(read)
    assert subject.name == "cat"
    assert [one.tobytes() for one in subject.exemplars] == [image.tobytes() for image in images]


def test_a_later_minor_version_is_read_and_a_later_major_one_is_not_the_requests_fault():
    assert CHECK.read(record_of(raw(format="r2r.replay-request/1.9", colour="red"))).images == 3
    with pytest.raises(UnknownFormat, match="update this role first"):
        CHECK.read(record_of(raw(format="r2r.replay-request/2.0")))


def test_the_pixel_cap_of_the_stream_holds_too():
    check = RequestCheck(MODEL, StreamSettings(max_image_pixels=50), ReplaySettings())
    with pytest.raises(InvalidMessage, match="50"):
        check.subject(request())


def test_members_are_decoded_beside_the_exemplars():
    subject = CHECK.subject(request(members=(PNG, PNG)))
    assert [member.shape for member in subject.members] == [(8, 8, 3)] * 2
    with pytest.raises(InvalidMessage):
        CHECK.subject(request(members=(PNG[:-30],)))
