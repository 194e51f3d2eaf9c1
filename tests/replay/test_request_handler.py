from threading import Event as Flag
from threading import Thread

import pytest

from replay.generate.generation import image_seeds
from replay.judge.judge import AcceptingJudge
from replay.judge.sample_filter import Verdict
from replay.settings import ReplaySettings
from stream.image_codec import decode_image, encode_png
from stream.kafka.client import RECORD_OVERHEAD_BYTES
from stream.messages.event import Event
from stream.messages.replay import MOST_BATCH_BYTES, ReplaySamples
from stream.process.errors import UnknownFormat
from stream.process.settings import StreamSettings
from tests.replay.small import (
    EXPIRES_AT_MS,
    NOW_MS,
    BlockingGenerator,
    FailingGenerator,
    SeedGenerator,
    exemplar,
    handler,
    record_of,
    request,
)
from tests.wait import PATIENCE_SECONDS


def handled(wanted, generator=None, **around):
    generator = SeedGenerator() if generator is None else generator
    return handler(generator, **around).handle(record_of(wanted.to_bytes()), Flag())


def samples(work):
    answers = (answer for answer in work.answers.records if answer.topic == "r2r.m.replay.samples")
    return [ReplaySamples.from_bytes(answer.value) for answer in answers]


def letter_of(work):
    (letter,) = (record for record in work.answers.records if record.topic.endswith(".dlq"))
    return letter, dict(letter.headers)


def test_a_request_is_answered_with_the_images_of_its_seeds():
    work = handled(request(5, images=70))
    assert (work.outcome, work.images) == ("answered", 70)
    images = [decode_image(image, 10**6, 10**6) for batch in samples(work) for image in batch.images]
    seeds = image_seeds(5, 70)
    assert [int(image[0, 0, 0]) for image in images] == [seed % 256 for seed in seeds]
    assert [seed for batch in samples(work) for seed in batch.seeds] == seeds
    assert {(one.topic, one.key) for one in work.answers.records} == {("r2r.m.replay.samples", b"m/7/replay-request/5")}


def test_without_images_name_and_labels_the_answer_is_empty():
    class Blank(SeedGenerator):
        def generate(self, _subject, seeds):
            return [None for _ in seeds]

    (answer,) = samples(handled(request(5, images=3), Blank()))
    assert (answer.part, answer.parts, answer.images, answer.name) == (0, 1, [], "")


@pytest.mark.parametrize("batch_images", [1, 7, 1000])
def test_how_many_are_asked_of_the_generator_at_a_time_changes_nothing(batch_images):
    wanted = request(5, images=20)
    batched = handled(wanted, settings=ReplaySettings(batch_images=batch_images))
    assert batched.answers.records == handled(wanted).answers.records


def test_a_large_answer_is_several_batches_that_kafka_takes():
    class Noise(SeedGenerator):
        def image(self, seed, shape):
            return exemplar(shape[0], seed)

    work = handled(request(images=30, exemplars=(encode_png(exemplar(128)),)), Noise())
    assert len(work.answers.records) > 2
    assert all(len(answer.value) <= MOST_BATCH_BYTES for answer in work.answers.records)
    assert sum(len(batch.images) for batch in samples(work)) == 30


def test_batches_are_smaller_where_messages_must_be():
    work = handled(request(images=30), streaming=StreamSettings(max_image_bytes=2000))
    assert all(len(answer.value) <= 2000 for answer in work.answers.records)
    assert sum(len(batch.images) for batch in samples(work)) == 30


def test_an_expired_request_is_answered_by_nothing():
    work = handled(request(expires_at_ms=NOW_MS), BlockingGenerator())
    assert (work.outcome, work.answers.records) == ("expired", [])


def test_a_request_that_expires_on_the_way_is_answered_by_nothing():
    ticks = iter([NOW_MS, NOW_MS, EXPIRES_AT_MS])
    work = handled(request(images=40), settings=ReplaySettings(batch_images=8), clock=lambda: next(ticks))
    assert (work.outcome, work.answers.records) == ("expired", [])


def test_bad_data_becomes_a_dead_letter_as_it_came():
    work = handler(SeedGenerator()).handle(record_of(b"hello", offset=41), Flag())
    letter, headers = letter_of(work)
    assert (work.outcome, work.reason) == ("poisoned", "not_json")
    assert (letter.topic, letter.key, letter.value) == ("r2r.m.replay.requests.dlq", b"id", b"hello")
    assert headers["r2r-reason"] == b"not_json"
    assert headers["r2r-id"] == b"r2r.m.replay.requests/1/41"
    assert headers["__connect.errors.topic"] == b"r2r.m.replay.requests"


def test_an_exemplar_that_is_no_image_becomes_a_dead_letter():
    assert letter_of(handled(request(exemplars=(b"hello",))))[1]["r2r-reason"] == b"not_an_image"


@pytest.mark.parametrize(
    "error", [ValueError("cannot"), MemoryError(), KeyError("\ud800"), UnknownFormat("not a request"), None]
)
def test_whatever_the_generator_raises_becomes_a_dead_letter(error):
    work = handled(request(images=3), FailingGenerator(error))
    letter, headers = letter_of(work)
    assert letter.value == request(images=3).to_bytes()
    assert headers["r2r-reason"] == b"generator_failed"
    assert b"the generation failed" in headers["__connect.errors.exception.message"]
    (answer,) = samples(work)
    assert (answer.request, answer.part, answer.parts) == (request().id, 0, 1)
    assert (answer.images, answer.name) == ([], "")


def test_a_poisoned_request_as_large_as_kafka_takes_is_set_aside_whole_and_answered():
    wanted = request(images=3, exemplars=tuple(encode_png(exemplar(side=120)) for _ in range(5)))
    failing = FailingGenerator(ValueError("cannot"))
    letter, headers = letter_of(handled(wanted, failing))
    letter_bytes = 100 + len(letter.key) + len(letter.value)
    letter_bytes += sum(10 + len(name) + len(content) for name, content in headers.items())
    just_enough = StreamSettings(max_image_bytes=letter_bytes - RECORD_OVERHEAD_BYTES)
    work = handled(wanted, failing, streaming=just_enough)
    assert letter_of(work)[0].value == wanted.to_bytes()
    assert len(samples(work)) == 1


def test_a_filter_that_refuses_more_than_it_keeps_is_an_event():
    class Strict(AcceptingJudge):
        def judge(self, images, name):  # noqa: ARG002
            return [Verdict("label" if place % 3 else "") for place, _ in enumerate(images)]

        def gap(self):
            return 1.5

    work = handled(request(5, images=6), judge_of=Strict)
    (written,) = (record for record in work.answers.records if record.topic == "r2r.m.events")
    event = Event.from_bytes(written.value)
    assert (event.id, event.kind, event.at_ms) == (f"{request(5).id}/refused", "images_refused", NOW_MS)
    assert event.evidence == {"cluster": 5, "name": "", "kept": 5, "refused_label": 7, "gap": 1.5}


def test_images_of_a_kind_that_cannot_be_written_are_the_generators_fault():
    class Floats(SeedGenerator):
        def image(self, seed, shape):
            return super().image(seed, shape) / 255.0

    assert handled(request(), Floats()).reason == "generator_failed"


def test_an_answer_beyond_the_cap_becomes_a_dead_letter():
    assert handled(request(images=200), settings=ReplaySettings(most_answer_bytes=10_000)).reason == "too_large"


def test_a_request_that_takes_too_long_becomes_a_dead_letter():
    slow = ReplaySettings(batch_images=1, request_seconds=1e-9)
    assert handled(request(images=2), settings=slow).reason == "too_slow"


def test_a_large_poisoned_request_is_named_by_its_size():
    streaming = StreamSettings(max_image_bytes=1000)
    work = handler(SeedGenerator(), streaming=streaming).handle(record_of(b"x" * 132_000), Flag())
    letter, headers = letter_of(work)
    assert letter.value is None
    assert headers["r2r-omitted-bytes"] == b"132000"


def test_another_major_version_stops_the_worker():
    with pytest.raises(UnknownFormat):
        handler(SeedGenerator()).handle(record_of(b'{"format":"r2r.replay-request/2.0"}'), Flag())


def test_a_stop_leaves_the_request_undone():
    generator, stopping, done = BlockingGenerator(), Flag(), []
    settings = ReplaySettings(batch_images=1)
    wanted = record_of(request(images=3).to_bytes())
    thread = Thread(target=lambda: done.append(handler(generator, settings).handle(wanted, stopping)))
    thread.start()
    assert generator.asked.wait(PATIENCE_SECONDS)
    stopping.set()
    generator.released.set()
    thread.join(PATIENCE_SECONDS)
    assert done == [None]
