import subprocess
import sys
from pathlib import Path

import pytest
from kafka.admin import ConfigResource

from stream.kafka.admin import (
    create_topics,
    describe_topic,
    wait_for_broker,
)
from stream.kafka.client import open_admin
from stream.kafka.topics import Topics
from stream.process.errors import BrokerUnavailable, TopicMissing
from stream.process.settings import StreamSettings


def test_a_broker_that_answers_is_waited_for_no_longer(stream_settings: StreamSettings) -> None:
    """Its answer is waited for, not the time: with a wait of a year this ends at once, or never."""
    wait_for_broker(stream_settings.model_copy(update={"broker_timeout_seconds": 3e7}))


def test_a_broker_that_is_away_is_named_with_the_remedy(absent_broker: StreamSettings) -> None:
    address = absent_broker.bootstrap_servers
    with pytest.raises(
        BrokerUnavailable, match=f"at {address} .*`r2r broker`, or all roles .* or set stream.bootstrap_servers"
    ):
        wait_for_broker(absent_broker)


def test_topics_are_made_once_with_their_partitions(stream_settings: StreamSettings) -> None:
    settings = stream_settings.model_copy(update={"frame_partitions": 5})
    topics = Topics("m", settings.topic_prefix)
    assert set(create_topics(settings, topics)) == {*topics.shared, *topics.control, *topics.replay}
    assert create_topics(settings, topics) == []
    assert describe_topic(settings, topics.frames).partitions == 5
    assert describe_topic(settings, topics.tasks).partitions == 1


def test_a_second_model_shares_frames_and_adds_its_own_topics(stream_settings: StreamSettings) -> None:
    create_topics(stream_settings, Topics("one", stream_settings.topic_prefix))
    two = Topics("two", stream_settings.topic_prefix)
    assert set(create_topics(stream_settings, two)) == {*two.control, *two.replay}


def test_no_log_expires_by_age_and_frames_expire_by_bytes(stream_settings: StreamSettings) -> None:
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    frames = _config(stream_settings, topics.frames)
    tasks = _config(stream_settings, topics.tasks)
    assert frames["retention.ms"] == tasks["retention.ms"] == "-1"
    assert frames["retention.bytes"] == str(stream_settings.frames_retention_bytes)
    assert int(frames["segment.bytes"]) < stream_settings.frames_retention_bytes
    assert tasks["retention.bytes"] == "-1"
    assert _config(stream_settings, topics.models)["cleanup.policy"] == "compact"


def test_a_topic_made_anew_has_another_id(stream_settings: StreamSettings) -> None:
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    before = describe_topic(stream_settings, topics.frames)
    admin = open_admin(stream_settings)
    admin.delete_topics([topics.frames])
    admin.close()
    create_topics(stream_settings, topics)
    after = describe_topic(stream_settings, topics.frames)
    assert after.cluster_id == before.cluster_id
    assert after.topic_id != before.topic_id


def test_a_missing_topic_is_told_from_one_that_exists(stream_settings: StreamSettings) -> None:
    topics = Topics("m", stream_settings.topic_prefix)
    with pytest.raises(TopicMissing, match=topics.frames):
        describe_topic(stream_settings, topics.frames)
    create_topics(stream_settings, topics)
    assert describe_topic(stream_settings, topics.frames).topic_id


def _config(settings: StreamSettings, topic: str) -> dict[str, str]:
    admin = open_admin(settings)
    described = admin.describe_configs([ConfigResource("TOPIC", topic)], config_filter="all")
    admin.close()
    return {name: entry["value"] for name, entry in described["topic"][topic].items()}


def test_the_command_makes_topics_once_and_then_says_that_they_are_there(
    stream_settings: StreamSettings, tmp_path: Path
) -> None:
    flags = [sys.executable, "-m", "stream.kafka.admin", "create", "--model", "cats", "--home", str(tmp_path)]
    for name in ("bootstrap_servers", "topic_prefix"):
        flags += ["--set", f"stream.{name}={getattr(stream_settings, name)}"]
    assert "cats.tasks" in subprocess.run(flags, check=True, capture_output=True, text=True).stdout
    assert describe_topic(stream_settings, Topics("cats", stream_settings.topic_prefix).tasks).partitions == 1
    assert "already" in subprocess.run(flags, check=True, capture_output=True, text=True).stdout
