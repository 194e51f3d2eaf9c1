import pytest

from replay.answer import batches
from replay.generate.generation import Generated, image_seeds
from replay.label.label import Label
from stream.messages.replay import ReplaySamples
from stream.process.errors import InvalidMessage
from tests.replay.small import request


def answer(images, most_bytes):
    generated = Generated(Label("", 0.0), "fake", list(images), image_seeds(3, len(images)))
    return batches(request(3, len(images)), generated, most_bytes)


@pytest.mark.parametrize("most_bytes", [500, 700, 1500, 5000, 100_000])
def test_no_batch_is_larger_than_allowed_and_none_is_needlessly_small(most_bytes):
    images = [bytes([place]) * (1 + 7 * place % 90) for place in range(60)]
    written = answer(images, most_bytes)
    sizes = [len(batch.to_bytes()) for batch in written]
    assert max(sizes) <= most_bytes
    assert all(size > most_bytes - 250 for size in sizes[:-1])


def test_all_images_are_there_once_in_their_order_with_their_seeds():
    images = [b"%d" % place * 40 for place in range(50)]
    written = [ReplaySamples.from_bytes(batch.to_bytes()) for batch in answer(images, 1500)]
    assert [image for batch in written for image in batch.images] == images
    assert [seed for batch in written for seed in batch.seeds] == image_seeds(3, 50)
    assert [batch.part for batch in written] == list(range(len(written)))
    assert {batch.parts for batch in written} == {len(written)}
    assert [batch.id for batch in written] == [f"m/7/replay-request/3/samples/{n}" for n in range(len(written))]
    assert {(b.request, b.cluster, b.task_seq, b.model) for b in written} == {("m/7/replay-request/3", 3, 7, "m")}
    assert {(batch.name, batch.score, batch.generator) for batch in written} == {("", 0.0, "fake")}


def test_how_a_request_is_divided_stays_as_it_was_when_it_was_answered_before():
    images = [b"x" * place for place in range(50)]
    assert [len(batch.images) for batch in answer(images, 1500)] == [32, 17, 1]


def test_an_image_that_fits_in_no_batch_is_refused():
    with pytest.raises(InvalidMessage, match="ask for smaller ones") as caught:
        answer([b"small", b"x" * 2000], 1500)
    assert caught.value.reason == "too_large"


def test_seeds_are_derived_from_the_requests_alone():
    assert image_seeds(2**63 - 1, 5) == image_seeds(2**63 - 1, 500)[:5]
    assert len(set(image_seeds(0, 500))) == 500
    assert not set(image_seeds(0, 100)) & set(image_seeds(1, 100))


def test_the_labels_of_members_are_in_one_batch_and_count_against_its_size():
    labels = [Label("a" * 60, 0.95), Label("", 0.3)] * 8
    generated = Generated(Label("a", 0.9), "fake", [b"x" * 90] * 30, image_seeds(3, 30), labels=labels)
    written = batches(request(3, 30), generated, 1800)
    assert len(written) > 2
    assert max(len(batch.to_bytes()) for batch in written) <= 1800
    assert written[0].member_names == [label.name for label in labels]
    assert written[0].member_scores == [0.95, 0.3] * 8
    assert {tuple(batch.member_names) for batch in written[1:]} == {()}
