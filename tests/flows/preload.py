"""Digits that stand on the topics before any learner starts."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from learner.faults import Faults
from learner.process import fix_threads
from learner.save.checkpoint import CheckpointStore
from learner.service import Learner, open_learner
from stream.kafka.admin import create_topics
from stream.kafka.consumer import PartitionConsumer
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.process.deadline import Deadline
from stream.process.settings import StreamSettings
from tests.learner.small import SETTINGS, digits_frames
from tests.wait import PATIENCE_SECONDS


def preload(streaming: StreamSettings, topics: Topics, first: int, count: int) -> dict[int, int]:
    """Send digits ``first`` to ``first + count``; return where each partition of ``frames`` ends then."""
    create_topics(streaming, topics)
    partitions = streaming.frame_partitions
    with BoundedProducer(streaming) as producer:
        for place, frame in enumerate(digits_frames(first, count, partitions), first):
            producer.send(topics.frames, *frame.to_record(), place % partitions)
    with closing(PartitionConsumer(streaming, topics.frames)) as log:
        return log.end_offsets()


class AfterTask:
    """Tells a learner to stop once it has executed so many plans; fails where they do not come."""

    def __init__(self, learner: Learner, task_seq: int) -> None:
        self._learner = learner
        self._task_seq = task_seq
        self._deadline = Deadline(PATIENCE_SECONDS)

    def is_set(self) -> bool:
        assert not self._deadline.expired, f"stopped at task {self._learner.state.progress.task_seq}"
        return self._learner.state.progress.task_seq >= self._task_seq


@contextmanager
def opened_learner(streaming: StreamSettings, topics: Topics, root: Path) -> Iterator[Learner]:
    """Open the service's own learner in this process, its clock standing still."""
    fix_threads(SETTINGS.threads)
    create_topics(streaming, topics)
    store = CheckpointStore(root, topics.model, SETTINGS.keep_checkpoints, Faults())
    with open_learner(streaming, SETTINGS, topics, store, lambda: 0, Faults()) as learner:
        yield learner


def learn_until(streaming: StreamSettings, topics: Topics, root: Path, task_seq: int) -> Path:
    """Run it until it has executed so many plans; return its last checkpoint."""
    with opened_learner(streaming, topics, root) as learner:
        learner.learn(AfterTask(learner, task_seq))
        newest = learner.checkpoints.newest_good()
    assert newest is not None
    return newest
