import os
import signal
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from stream.broker_admin import create_topics
from stream.consumer import PartitionConsumer
from stream.feed import Feed
from stream.frame import Frame
from stream.messages import OffsetRange, Truth
from stream.pace import Pace
from stream.sources.dataset import DatasetSource
from stream.sources.orders import class_incremental
from stream.sources.packs import load_pack
from stream.topics import Topics
from tests.wait import wait_until

TOPICS = Topics("feed")
NOW_MS = 1_795_000_000_123


class RecordingSender:
    """Keeps what is sent, and can tell the feed to stop after so many records."""

    def __init__(self, stop_after=None, stopping=None):
        self.records = []
        self._stop_after = stop_after
        self._stopping = stopping

    def send(self, topic, key, value, headers=(), partition=None):
        self.records.append((topic, key, value, headers, partition))
        if len(self.records) == self._stop_after:
            self._stopping.set()

    def on(self, topic):
        return [record for record in self.records if record[0] == topic]


@pytest.fixture(scope="module")
def pack():
    return load_pack("digits", None)


def fed(source, partitions=3, sender=None, stopping=None):
    sender = sender or RecordingSender()
    pace = Pace(0, lambda: 0.0, lambda _: None)
    Feed(source, sender, TOPICS, partitions, pace, lambda: NOW_MS).run(stopping or threading.Event())
    return sender


def frames_of(sender):
    return [
        Frame.from_record(value, headers, topic, (partition, 0))
        for topic, _, value, headers, partition in sender.on(TOPICS.frames)
    ]


def test_every_frame_is_sent_once_with_the_time_of_sending(pack):
    order = class_incremental(pack.stream_labels, 2, seed=0)[:100]
    frames = frames_of(fed(DatasetSource(pack, order, 3, "digits")))
    assert len({frame.identity for frame in frames}) == len(frames) == 100
    assert {frame.time_ms for frame in frames} == {NOW_MS}


def test_labels_travel_on_truth_alone_keyed_by_the_frames_identity(pack):
    sender = fed(DatasetSource(pack, range(10), 3, "digits"))
    identities = [frame.identity.encode() for frame in frames_of(sender)]
    truths = sender.on(TOPICS.truth)
    assert [key for _, key, _, _, _ in truths] == identities
    labels = [Truth.from_bytes(value).label for _, _, value, _, _ in truths]
    assert labels == pack.stream_labels[:10].tolist()
    assert all(
        b"label" not in name.encode() + content
        for *_, headers, _ in sender.on(TOPICS.frames)
        for name, content in headers
    )


@pytest.mark.parametrize(("sources", "partitions"), [(3, 3), (2, 3), (5, 3), (3, 1)])
def test_each_source_keeps_to_one_partition_and_sources_spread_evenly(pack, sources, partitions):
    sender = fed(DatasetSource(pack, range(30), sources, "digits"), partitions)
    for _, key, _, _, partition in sender.on(TOPICS.frames):
        assert partition == int(key.decode().rpartition("/")[2]) % partitions


def test_a_told_feed_stops_before_the_next_frame(pack):
    stopping = threading.Event()
    sender = RecordingSender(stop_after=14, stopping=stopping)
    fed(DatasetSource(pack, range(100), 3, "digits"), sender=sender, stopping=stopping)
    assert len(sender.on(TOPICS.frames)) == 7
    assert len(sender.on(TOPICS.truth)) == 7


def test_what_was_sent_of_a_fixed_name_is_sent_again_the_same(pack):
    one, again = (frames_of(fed(DatasetSource(pack, range(20), 3, "fixed"))) for _ in range(2))
    assert one == again


@pytest.fixture
def topics(stream_settings):
    topics = Topics("feed", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    return topics


@pytest.fixture
def start_feed(stream_settings, tmp_path):
    started = []

    def start(*flags):
        places = [f"stream.{key}={getattr(stream_settings, key)}" for key in ("bootstrap_servers", "topic_prefix")]
        settings = [word for place in places for word in ("--set", place)]
        command = [sys.executable, "-m", "stream.feed", "dataset", "--home", str(tmp_path), *settings, *flags]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("R2R_")}
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def records_in(settings, topic):
    with closing(PartitionConsumer(settings, topic)) as log:
        return log.take({partition: OffsetRange(0, end) for partition, end in log.end_offsets().items()})


def test_the_command_feeds_kafka_and_ends_with_0(stream_settings, topics, start_feed):
    feed = start_feed("--name", "digits", "--limit", "50", "--source-name", "desk", "--sources", "4")
    _, errors = feed.communicate(timeout=60)
    assert (feed.returncode, errors) == (0, "")
    frames = [
        (record.partition, Frame.from_record(record.value, record.headers, topics.frames, (0, 0)))
        for record in records_in(stream_settings, topics.frames)
    ]
    assert len({frame.identity for _, frame in frames}) == len(frames) == 50
    assert {(partition, frame.source) for partition, frame in frames} == {
        (0, "desk/0"),
        (1, "desk/1"),
        (2, "desk/2"),
        (0, "desk/3"),
    }
    truths = {record.key.decode() for record in records_in(stream_settings, topics.truth)}
    assert truths == {frame.identity for _, frame in frames}


def test_a_feed_that_is_told_to_end_delivers_what_it_sent_and_ends_with_0(stream_settings, topics, start_feed):
    feed = start_feed("--rate", "100")
    with closing(PartitionConsumer(stream_settings, topics.truth)) as log:
        wait_until(lambda: sum(log.end_offsets().values()) > 5, 60)
    feed.send_signal(signal.SIGTERM)
    _, errors = feed.communicate(timeout=60)
    assert (feed.returncode, errors) == (0, "")
    frames, truths = (records_in(stream_settings, topic) for topic in (topics.frames, topics.truth))
    assert 5 < len(frames) < 800
    assert len(frames) == len(truths)


def test_a_feed_makes_its_topics_where_they_are_missing(stream_settings, start_feed):
    feed = start_feed("--limit", "3")
    _, errors = feed.communicate(timeout=60)
    assert (feed.returncode, errors) == (0, "")
    assert len(records_in(stream_settings, Topics("feed", stream_settings.topic_prefix).frames)) == 3
