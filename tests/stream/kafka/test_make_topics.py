import subprocess
import sys

from stream.kafka.admin import describe_topic
from stream.kafka.topics import Topics


def test_topics_are_made_once_and_then_said_to_be_there(stream_settings, tmp_path):
    flags = [sys.executable, "-m", "stream.kafka.make_topics", "create", "--model", "cats", "--home", str(tmp_path)]
    for name in ("bootstrap_servers", "topic_prefix"):
        flags += ["--set", f"stream.{name}={getattr(stream_settings, name)}"]
    assert "cats.tasks" in subprocess.run(flags, check=True, capture_output=True, text=True).stdout
    assert describe_topic(stream_settings, Topics("cats", stream_settings.topic_prefix).tasks).partitions == 1
    assert "already" in subprocess.run(flags, check=True, capture_output=True, text=True).stdout
