"""``python -m deploy.evaluate.evaluator --model NAME``: the only role that reads ``truth`` (decision 0003).

Each new version is judged once, on the newest labelled frames of the stream, as soon as all that is there has been
read. The one-to-one map from its classes to the labels is fitted on them, so the figure says how well clusters agree
with labels, not how well unseen images are known.
"""

import logging
import sys
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import numpy as np
from prometheus_client import Gauge
from sklearn.metrics import normalized_mutual_info_score

from deploy.evaluate.continual_metrics import accuracy, fit_cluster_map
from deploy.registry.errors import ModelNotFound, RegistryError
from deploy.registry.versions import Registry
from deploy.roles import EVALUATOR
from deploy.serving.errors import InvalidGraph
from deploy.serving.inference_session import InferenceSession
from deploy.settings import DeploySettings
from stream.frame import Frame
from stream.image_codec import decode_image
from stream.kafka.admin import create_topics, wait_for_broker
from stream.kafka.consumer import TopicTail
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.log import Record
from stream.messages.event import Event
from stream.messages.ids import derived_id
from stream.messages.truth import Truth
from stream.process.clock import now_ms
from stream.process.errors import InvalidImage, InvalidMessage
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings

_POLL_SECONDS = 0.2
_KEPT_FRAMES = 1000
_KEPT_IMAGE_BYTES = 64 * 1024**2
_FEWEST_FRAMES = 20
_FLUSH_SECONDS = 30.0
_ACCURACY = Gauge("r2r_evaluator_accuracy_ratio", "Newest version on labelled stream frames, Hungarian map", ["model"])
_NMI = Gauge("r2r_evaluator_normalized_mutual_info_ratio", "Newest version on labelled stream frames", ["model"])
_VERSION = Gauge("r2r_evaluator_version", "The version that was judged last", ["model"])
_log = logging.getLogger(__name__)


@dataclass
class LabelledFrames:
    """The newest frames whose label is known; frames and labels may come in any order. Bounded."""

    capacity: int
    capacity_bytes: int = _KEPT_IMAGE_BYTES
    """Of the images; one that is larger by itself is not kept."""
    image_bytes: int = 0
    _images: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _labels: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def add_image(self, identity: str, image: bytes) -> None:
        """Keep a frame's image; the oldest leave."""
        self.image_bytes += len(image) - len(self._images.pop(identity, b""))
        self._images[identity] = image
        while len(self._images) > self.capacity or self.image_bytes > self.capacity_bytes:
            self.image_bytes -= len(self._images.popitem(last=False)[1])

    def add_label(self, identity: str, label: int) -> None:
        """Keep a frame's label; the oldest leaves."""
        self._labels[identity] = label
        if len(self._labels) > self.capacity:
            self._labels.popitem(last=False)

    def pairs(self) -> list[tuple[bytes, int]]:
        """Return the images with their labels."""
        return [(image, self._labels[name]) for name, image in self._images.items() if name in self._labels]


def judge(
    session: InferenceSession, pairs: Sequence[tuple[bytes, int]], settings: StreamSettings
) -> dict[str, float] | None:
    """Return accuracy, NMI and the classes that answered, of one version; None where no image can be decoded."""
    answers = []
    for image, label in pairs:
        try:
            pixels = decode_image(image, settings.max_image_bytes, settings.max_image_pixels)
        except InvalidImage:  # the learner dead-letters it; nobody learns from it, so nobody is judged on it
            continue
        answers.append((int(session.run(pixels[None]).class_id[0]), label))
    if not answers:
        return None
    found, labels = (np.asarray(column, dtype=np.int64) for column in zip(*answers, strict=True))
    return {
        "accuracy": accuracy(fit_cluster_map(found, labels), found, labels),
        "normalized_mutual_info": float(normalized_mutual_info_score(labels, found)),
        "answering_classes": len(set(found.tolist())),
        "frames": len(answers),
    }


@dataclass
class Evaluator:
    """Follows frames, labels and the registry; reports each verdict as a metric and an event."""

    models: Sequence[str]
    registry: Registry
    producer: BoundedProducer
    streaming: StreamSettings
    settings: DeploySettings
    labelled: LabelledFrames
    judged: dict[str, int] = field(default_factory=dict)

    def follow(self, frames: TopicTail, truths: TopicTail, role: Role) -> None:
        """Judge new versions until the role is to stop; none while older frames or labels are still to be read."""
        while not role.stopping.is_set():
            for record in frames.next_records(_POLL_SECONDS):
                self._read_frame(record)
            for record in truths.next_records(0.0):
                self._read_label(record.key, record.value)
            if frames.caught_up and truths.caught_up:
                for model in self.models:
                    self._judge_newest(model)

    def _read_frame(self, record: Record) -> None:
        topics = Topics("evaluator", self.streaming.topic_prefix)
        try:
            place = (record.partition, record.offset)
            frame = Frame.from_record(record.value, record.headers, topics.frames, place)
        except InvalidMessage:  # as in `judge`
            return
        self.labelled.add_image(frame.identity, frame.image)

    def _read_label(self, key: bytes | None, value: bytes | None) -> None:
        try:
            truth = Truth.from_bytes(value or b"")
        except InvalidMessage as error:
            _log.warning("a label is passed over: %s", error)
            return
        self.labelled.add_label((key or b"").decode(errors="replace"), truth.label)

    def _judge_newest(self, model: str) -> None:
        """Judge a model's newest version, unless that was done; one that cannot be judged is logged and passed over."""
        version, pairs = self.registry.latest(model), self.labelled.pairs()
        if version is None or version == self.judged.get(model) or len(pairs) < _FEWEST_FRAMES:
            return
        self.judged[model] = version
        try:
            verdict = judge(self._load(model, version), pairs, self.streaming)
        except (RegistryError, InvalidGraph, ModelNotFound) as error:
            _log.warning("model=%s version=%d is passed over: %s", model, version, error)
            return
        if verdict is None:
            _log.warning("model=%s version=%d is passed over: no labelled frame can be decoded", model, version)
            return
        self._report(model, version, verdict)

    def _load(self, model: str, version: int) -> InferenceSession:
        model_bytes = self.registry.read_model(model, version)
        session = InferenceSession.load(model_bytes, self.settings.provider, self.settings.intra_op_threads)
        session.warm_up()
        return session

    def _report(self, model: str, version: int, verdict: dict[str, float]) -> None:
        _ACCURACY.labels(model).set(verdict["accuracy"])
        _NMI.labels(model).set(verdict["normalized_mutual_info"])
        _VERSION.labels(model).set(version)
        name = derived_id(model, version, "evaluation", 0)
        event = Event(name, model, version, "evaluation", now_ms(), verdict)
        self.producer.send(Topics(model, self.streaming.topic_prefix).events, name.encode(), event.to_bytes())
        self.producer.flush(_FLUSH_SECONDS)


def evaluate(role: Role) -> None:
    """Wire the evaluator from its settings and run it."""
    streaming = role.settings("stream", StreamSettings)
    settings = role.settings("deploy", DeploySettings)
    wait_for_broker(streaming)
    topics = [Topics(model, streaming.topic_prefix) for model in role.flags.model]
    for of_model in topics:
        create_topics(streaming, of_model)
    with ExitStack() as open_things:
        producer = open_things.enter_context(BoundedProducer(streaming))
        frames = open_things.enter_context(closing(TopicTail(streaming, topics[0].frames)))
        truths = open_things.enter_context(closing(TopicTail(streaming, topics[0].truth)))
        registry = Registry(role.flags.registry or str(role.home.registry))
        labelled = LabelledFrames(_KEPT_FRAMES)
        Evaluator(role.flags.model, registry, producer, streaming, settings, labelled).follow(frames, truths, role)


def main(argv: Sequence[str]) -> int:
    """Run the role; return its exit code."""
    flags = parser(EVALUATOR.name, "Judges each published version on the stream's labelled frames.")
    flags.add_argument("--model", action="append", required=True, help="a model to judge; may be repeated")
    flags.add_argument("--registry", default=None, help="folder or address of the registry (default: in the home)")
    return run_role(EVALUATOR.name, flags, evaluate, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
