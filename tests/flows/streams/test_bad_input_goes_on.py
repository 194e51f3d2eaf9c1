"""What is no image becomes a dead letter with its reason, and the good frames are learned."""

from io import BytesIO

import numpy as np
from PIL import Image

from learner.save.checkpoint import load_checkpoint
from stream.image_codec import encode_jpeg
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from tests.flows.preload import learn_until, preload
from tests.learner.small import SETTINGS

JPEG = encode_jpeg(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8), 90)


def huge_png():
    file = BytesIO()
    Image.new("L", (10_000, 10_000)).save(file, "PNG")
    return file.getvalue()


BAD = {
    "truncated": JPEG[: len(JPEG) // 2],
    "too_many_pixels": huge_png(),
    "not_an_image": b"this is text",
    "empty_body": b"",
}


def test_bad_frames_are_set_aside_and_the_good_ones_are_learned(stream_settings, tmp_path):
    topics = Topics("robust", stream_settings.topic_prefix)
    preload(stream_settings, topics, 0, 30)
    with BoundedProducer(stream_settings) as producer:
        for partition, value in enumerate(BAD.values()):
            producer.send(topics.frames, b"camera", value, (), partition % stream_settings.frame_partitions)
    preload(stream_settings, topics, 30, 30)
    progress = load_checkpoint(learn_until(stream_settings, topics, tmp_path, 4)).progress
    good, passes = SETTINGS.warm_up_frames, SETTINGS.autoencoder.epochs
    assert progress.images_backpropagated == good * passes, "the update waited for so many good frames"
    assert sum(progress.positions.frames.values()) == good + len(BAD)
    dead = read_topic(stream_settings, topics.frames_dlq)
    reasons = {dict(record.headers)["r2r-reason"].decode(): record for record in dead}
    assert reasons.keys() == BAD.keys()
    assert {reason: record.value or b"" for reason, record in reasons.items()} == BAD
    assert {record.key for record in dead} == {b"camera"}
