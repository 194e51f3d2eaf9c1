import os
import signal
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from stream.feed.pace import Pace
from stream.feed.service import Feed
from stream.frame import Frame
from stream.image_codec import decode_image
from stream.kafka.admin import create_topics
from stream.kafka.consumer import PartitionConsumer
from stream.kafka.topics import Topics
from stream.messages.task_plan import OffsetRange
from stream.messages.truth import Truth
from stream.sources import LabelledFrame
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.orders import class_incremental
from stream.sources.datasets.packs import load_pack
from tests.stream.sources.files import write_picture
from tests.stream.sources.videos import write_video
from tests.wait import PATIENCE_SECONDS, wait_until

TOPICS = Topics("feed")
NOW_MS = 1_795_000_000_123
OUTPUT = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


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

    def flush(self, timeout_seconds):
        assert timeout_seconds == 30.0
        self.records.append(("flushed", len(self.records)))

    def on(self, topic):
        return [record for record in self.records if record[0] == topic]


@pytest.fixture(scope="module")
def pack():
    return load_pack("digits", None)


def fed(source, partitions=3, sender=None, stopping=None, **options):
    sender = sender or RecordingSender()
    pace = Pace(0, lambda: 0.0, lambda _: None)
    Feed(source, sender, TOPICS, partitions, pace, lambda: NOW_MS, **options).run(stopping or threading.Event())
    return sender


class PicturesWithTimes:
    """Three frames of two sources that know when they were taken; notes what happens to them."""

    def __init__(self, story=()):
        self.position = 0
        self._story = story

    def next_frames(self, limit):
        first, self.position = self.position, min(3, self.position + limit)
        return [
            LabelledFrame(Frame(f"door/{n % 2}", str(n), n // 2, "image/png", b"x", 1000 + n), None)
            for n in range(first, self.position)
        ]

    def delivered(self):
        self._story.append(("delivered", self.position))

    def close(self):
        pass


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


def test_a_time_that_the_source_knows_is_kept():
    assert [frame.time_ms for frame in frames_of(fed(PicturesWithTimes()))] == [1000, 1001, 1002]


def test_without_dealing_the_key_decides_the_partition():
    sender = fed(PicturesWithTimes(), partitions=None)
    assert [(key, partition) for _, key, _, _, partition in sender.records] == [
        (b"door/0", None),
        (b"door/1", None),
        (b"door/0", None),
    ]


def test_a_limit_asks_the_source_for_no_more_than_it_sends(pack):
    source = DatasetSource(pack, range(200), 3, "digits")
    assert len(frames_of(fed(source, limit=70))) == 70
    assert source.position == 70


def test_a_source_hears_of_delivery_only_after_everything_given_is_acknowledged():
    sender = RecordingSender()
    fed(source := PicturesWithTimes(sender.records), sender=sender, receipts=source)
    assert sender.records[3:] == [("flushed", 3), ("delivered", 3)]


def test_a_feed_that_is_told_to_stop_does_not_say_that_what_it_left_is_delivered():
    stopping = threading.Event()
    sender = RecordingSender(stop_after=2, stopping=stopping)
    fed(source := PicturesWithTimes(sender.records), sender=sender, stopping=stopping, receipts=source)
    assert len(sender.records) == 2


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

    def start(*flags, kind="dataset"):
        places = [f"stream.{key}={getattr(stream_settings, key)}" for key in ("bootstrap_servers", "topic_prefix")]
        settings = [word for place in places for word in ("--set", place)]
        command = [
            sys.executable,
            "-m",
            "stream.feed.service",
            kind,
            "--home",
            str(tmp_path / "home"),
            *settings,
            *flags,
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("R2R_")}
        started.append(subprocess.Popen(command, **OUTPUT, text=True, env=environment))
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
    _, errors = feed.communicate(timeout=PATIENCE_SECONDS)
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
        wait_until(lambda: sum(log.end_offsets().values()) > 5)
    feed.send_signal(signal.SIGTERM)
    _, errors = feed.communicate(timeout=PATIENCE_SECONDS)
    assert (feed.returncode, errors) == (0, "")
    frames, truths = (records_in(stream_settings, topic) for topic in (topics.frames, topics.truth))
    assert 5 < len(frames) < 800
    assert len(frames) == len(truths)


def test_a_feed_makes_its_topics_where_they_are_missing(stream_settings, start_feed):
    feed = start_feed("--limit", "3")
    _, errors = feed.communicate(timeout=PATIENCE_SECONDS)
    assert (feed.returncode, errors) == (0, "")
    assert len(records_in(stream_settings, Topics("feed", stream_settings.topic_prefix).frames)) == 3


def fed_frames(settings, topics):
    records = records_in(settings, topics.frames)
    return [Frame.from_record(record.value, record.headers, topics.frames, (0, 0)) for record in records]


def test_a_watched_folder_is_fed_as_it_fills_and_goes_on_after_a_restart(stream_settings, topics, start_feed, tmp_path):
    pictures = tmp_path / "pictures"
    write_picture(pictures, "a.png", 10)
    feed = start_feed(str(pictures), "--watch", "--every", "0.1", kind="folder")
    with closing(PartitionConsumer(stream_settings, topics.frames)) as log:
        wait_until(lambda: sum(log.end_offsets().values()) == 1)
        write_picture(pictures, "b.png", 20)
        wait_until(lambda: sum(log.end_offsets().values()) == 2)
    feed.kill()
    feed.communicate(timeout=PATIENCE_SECONDS)
    write_picture(pictures, "c.png", 30)
    _, errors = start_feed(str(pictures), kind="folder").communicate(timeout=PATIENCE_SECONDS)
    assert errors == ""
    frames = fed_frames(stream_settings, topics)
    assert {(frame.id, frame.sequence) for frame in frames} == {("0:a.png", 0), ("1:b.png", 1), ("2:c.png", 2)}
    assert len({frame.source for frame in frames}) == 1
    assert len({record.partition for record in records_in(stream_settings, topics.frames)}) == 1


def test_a_clip_is_fed_and_every_picture_accounted_for(stream_settings, topics, start_feed, tmp_path):
    clip = write_video(tmp_path / "clip.mp4", range(0, 200, 10), rate=10)
    feed = start_feed(str(clip), "--fps", "5", "--resize", "16x8", kind="camera")
    output, errors = feed.communicate(timeout=PATIENCE_SECONDS)
    assert (feed.returncode, errors) == (0, "")
    assert output == f"10 frames sent to {topics.frames}; of 20 pictures 10 left out by --rate, 0 dropped, 0 unsent\n"
    frames = fed_frames(stream_settings, topics)
    assert [frame.sequence for frame in frames] == list(range(10))
    assert {frame.time_ms - frames[0].time_ms for frame in frames} == set(range(0, 2000, 200))
    assert decode_image(frames[0].image, 10**6, 10**6).shape == (8, 16, 3)
