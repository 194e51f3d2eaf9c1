"""Permute every label on ``truth``: what is learned stays the same to the last bit."""

import numpy as np

from learner.save.checkpoint import content_sha256, load_checkpoint
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.truth import Truth
from tests.flows.preload import learn_until, preload
from tests.learner.small import digits_frames, load_digits

FRAMES = 240
TASKS = 14


def tell_labels(streaming, topics, labels):
    with BoundedProducer(streaming) as producer:
        for frame, label in zip(digits_frames(0, FRAMES), labels, strict=True):
            producer.send(topics.truth, frame.identity.encode(), Truth(int(label), str(label)).to_bytes())


def test_permuted_labels_change_no_bit_of_the_checkpoint(stream_settings, tmp_path):
    truthful, permuted = (Topics(model, stream_settings.topic_prefix) for model in ("truthful", "permuted"))
    preload(stream_settings, truthful, 0, FRAMES)
    labels = load_digits().stream_labels[:FRAMES]
    tell_labels(stream_settings, truthful, labels)
    first = learn_until(stream_settings, truthful, tmp_path, TASKS)
    tell_labels(stream_settings, permuted, np.random.default_rng(0).permutation(labels))
    assert len(read_topic(stream_settings, permuted.truth)) == 2 * FRAMES
    second = learn_until(stream_settings, permuted, tmp_path, TASKS)
    assert load_checkpoint(first).progress.updates >= 1
    assert content_sha256(first) == content_sha256(second)
