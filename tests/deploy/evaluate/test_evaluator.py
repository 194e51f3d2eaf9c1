import argparse
import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import numpy as np

from deploy.evaluate.evaluator import Evaluator, LabelledFrames, judge
from deploy.registry.versions import Registry
from deploy.serving.inference_session import InferenceSession
from deploy.settings import DeploySettings
from stream.frame import Frame
from stream.image_codec import encode_png
from stream.kafka.admin import create_topics
from stream.kafka.consumer import TopicTail, read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.event import Event
from stream.messages.truth import Truth
from stream.process.home import Home
from stream.process.role import Role
from stream.process.settings import StreamSettings
from tests.deploy.published import publish
from tests.deploy.tiny_model import tiny_model
from tests.wait import PATIENCE_SECONDS, wait_until


def test_frames_and_labels_meet_in_any_order_and_stay_bounded():
    frames = LabelledFrames(capacity=3)
    for number in range(30):
        frames.add_label(f"camera|{number}", number)
        frames.add_image(f"camera|{number}", b"%d" % number)
    frames.add_image("camera|early", b"early")
    assert frames.pairs() == [(b"28", 28), (b"29", 29)]
    frames.add_label("camera|early", 7)
    assert (b"early", 7) in frames.pairs()
    assert len(frames.pairs()) <= 3


def test_a_verdict_rewards_classes_that_agree_with_the_labels():
    session = InferenceSession.load(tiny_model(), "cpu", 1)
    colours = [np.full((8, 8, 3), value, np.uint8) for value in ((0, 0, 255), (255, 0, 0), (0, 255, 0))]
    classes = [int(session.run(colour[None]).class_id[0]) for colour in colours]
    pairs = [(encode_png(colour), answer) for colour, answer in zip(colours, classes, strict=True) for _ in range(5)]
    verdict = judge(session, [*pairs, (b"no image", 0)], StreamSettings())
    assert verdict["accuracy"] == 1.0
    assert verdict["frames"] == 15


def test_a_verdict_does_not_depend_on_which_number_a_label_has():
    session = InferenceSession.load(tiny_model(), "cpu", 1)
    rng = np.random.default_rng(0)
    images = [encode_png(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(30)]
    labels = [hashlib.sha256(image).digest()[0] % 3 for image in images]
    one = judge(session, list(zip(images, labels, strict=True)), StreamSettings())
    other = judge(session, [(image, 10 - label) for image, label in zip(images, labels, strict=True)], StreamSettings())
    assert one == other


def test_images_are_bounded_in_bytes_too():
    frames = LabelledFrames(capacity=1000, capacity_bytes=100)
    for number in range(30):
        frames.add_label(str(number), number)
        frames.add_image(str(number), bytes(30))
        frames.add_image(str(number), bytes(40))
    assert [label for _, label in frames.pairs()] == [28, 29]
    assert frames.image_bytes == 80
    frames.add_image("huge", bytes(101))
    assert frames.image_bytes == 0


def test_frames_that_cannot_be_decoded_give_no_verdict():
    session = InferenceSession.load(tiny_model(), "cpu", 1)
    assert judge(session, [(b"no image", 0)] * 20, StreamSettings()) is None


@contextmanager
def following(evaluator: Evaluator, topics: Topics, home: Path) -> Iterator[None]:
    role = Role("evaluator", argparse.Namespace(), Home(home), Flag(), home / "log")
    settings = evaluator.streaming
    with closing(TopicTail(settings, topics.frames)) as frames, closing(TopicTail(settings, topics.truth)) as truths:
        thread = Thread(target=evaluator.follow, args=(frames, truths, role))
        thread.start()
        try:
            yield
        finally:
            role.stopping.set()
            thread.join(PATIENCE_SECONDS)


def test_a_version_is_judged_once_all_that_was_there_is_read_and_a_broken_one_is_passed_over(stream_settings, tmp_path):
    settings = stream_settings.model_copy(update={"buffer_bytes": 64 * 1024})  # read in many rounds
    topics, registry = Topics("digits", settings.topic_prefix), Registry(str(tmp_path / "registry"))
    create_topics(settings, topics)
    image = encode_png(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    publish(registry, "digits", 1)
    with BoundedProducer(settings) as producer:
        for number in range(400):
            frame = Frame("camera", str(number), number, "image/png", image)
            producer.send(topics.frames, *frame.to_record())
            producer.send(topics.truth, frame.identity.encode(), Truth(0, "cat").to_bytes())
        producer.flush(PATIENCE_SECONDS)
        evaluator = Evaluator(["digits"], registry, producer, settings, DeploySettings(), LabelledFrames(1000))
        with following(evaluator, topics, tmp_path):
            wait_until(lambda: read_topic(settings, topics.events), what="a verdict")
            publish(registry, "digits", 2, b"no graph")
            wait_until(lambda: evaluator.judged == {"digits": 2}, what="a look at the broken version")
            publish(registry, "digits", 3)
            wait_until(lambda: len(read_topic(settings, topics.events)) == 2, what="a verdict after a broken version")
    events = [Event.from_bytes(record.value or b"") for record in read_topic(settings, topics.events)]
    assert [(event.task_seq, event.evidence["frames"]) for event in events] == [(1, 400), (3, 400)]
